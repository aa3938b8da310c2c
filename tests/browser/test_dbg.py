import re
import importlib.util, sys
from playwright.sync_api import expect
spec = importlib.util.spec_from_file_location("tp", __file__.replace("test_dbg", "test_panels")); tp = importlib.util.module_from_spec(spec); spec.loader.exec_module(tp)
notebook = tp.notebook
def ex(nb, code):
    return nb.page.evaluate("""async (code) => { const k = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel; const out=[]; const f = k.requestExecute({code}); f.onIOPub = m => out.push(m.content.text ?? m.content.traceback ?? ''); await f.done; return out.join('') }""", code)
def test_x(notebook):
    for t in [tp.test_a_frame_edited_by_keyboard_is_sent_and_its_answer_appears_on_the_wire, tp.test_the_bytes_of_a_frame_can_be_typed, tp.test_half_a_byte_is_told_of_and_changes_nothing, tp.test_an_arrow_chosen_by_keyboard_shows_its_bytes, tp.test_html_in_a_message_is_shown_as_text]: t(notebook)
    tp.test_the_ticker_draws_the_last_sixty_prices(notebook)
    tp.test_disconnecting_stops_the_ticker_and_says_so(notebook)
    for i in range(3):
        try:
            tp.test_a_stroke_drawn_with_the_pointer_appears_on_the_other_board(notebook)
            print("OK")
        except AssertionError as e:
            print("FAIL", str(e)[:200])
            print(ex(notebook, "print(ann.text(), bob.text(), ann.connection._outgoing.qsize(), ann.whiteboard.problem, len(drawing.connections), list(ann.whiteboard.strokes)==list(bob.whiteboard.strokes), ann.state, bob.state)"))
            notebook.page.wait_for_timeout(500)
            print(notebook.output("board-ann").locator(".lk-reading").text_content(), notebook.output("board-bob").locator(".lk-reading").text_content())
    assert 0
