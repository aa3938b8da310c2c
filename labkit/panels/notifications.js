// Notifications: each message a line, the newest at the bottom and in view.

function render({ model, el }) {
  const connection = connectionLine(model, "Notifications");
  const count = element("p", { class: "lk-reading" });
  const list = element("ol", { class: "lk-notes" });
  const log = element("div", { class: "lk-log", role: "log", "aria-label": "Notifications" }, list);
  const root = panel("Notifications", "", connection.line, count, log);
  let shown = 0;

  function update() {
    const state = model.get("state");
    connection.update(state.connection);
    say(count, state.words);
    // Only what is new is added, so that a screen reader says it once.
    const fresh = Math.min(state.count - shown, state.texts.length);
    const notes = fresh > 0 ? state.texts.slice(-fresh) : [];
    list.append(...notes.map((text) => element("li", {}, text)));
    while (list.childElementCount > state.texts.length) list.firstElementChild.remove();
    shown = state.count;
    log.hidden = !shown;
    if (fresh > 0) log.scrollTop = log.scrollHeight;
  }

  model.on("change:state", update);
  update();
  el.append(root);
  return () => model.off("change:state", update);
}

export default { render };
