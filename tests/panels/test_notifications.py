"""Notifications: the newest, counted, cut where they are long."""

from __future__ import annotations

from labkit.panels.notifications import NotificationPanel, Notifications


def test_notifications_are_kept_in_order_and_counted() -> None:
    inbox = Notifications()
    inbox.receive("Spam")
    inbox.receive("Eggs")
    assert list(inbox.texts) == ["Spam", "Eggs"]
    assert inbox.words() == "2 notifications"


def test_only_the_newest_are_kept_and_the_words_say_so() -> None:
    inbox = Notifications(size=2)
    for number in range(1_000):
        inbox.receive(str(number))
    assert list(inbox.texts) == ["998", "999"]
    assert inbox.words() == "1,000 notifications, the newest 2 shown"


def test_a_long_message_is_cut() -> None:
    inbox = Notifications()
    inbox.receive("a" * 10_000)
    assert inbox.texts[0] == "a" * 200 + "…"


def test_a_binary_message_is_named() -> None:
    inbox = Notifications()
    inbox.receive(b"Spam")
    assert inbox.texts[0] == "4 binary bytes"


def test_a_panel_says_in_text_what_it_shows() -> None:
    panel = NotificationPanel("ws://127.0.0.1:1")
    assert panel.text().endswith("no notification yet")
    assert repr(panel) == "NotificationPanel()"
