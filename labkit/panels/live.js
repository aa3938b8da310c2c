// The line every live panel begins with: the state of its connection, and a way to end it.

function connectionLine(model, title) {
  const status = element("span", { role: "status", class: "lk-soft" });
  const toggle = button("Disconnect", () => {
    model.send({ do: model.get("state").connection.active ? "disconnect" : "connect" });
  });
  const line = element("div", { class: "lk-head" },
    element("h4", { class: "lk-title" }, title),
    element("span", { class: "lk-connection" }, status, toggle));
  return {
    line,
    update({ words, active }) {
      say(status, words);
      say(toggle, active ? "Disconnect" : "Connect");
    },
  };
}
