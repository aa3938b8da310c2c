// A client with buttons. It reports what was typed and pressed; Python says what became of it.

function line(attributes = {}) {
  return element("input", { type: "text", spellcheck: "false", autocomplete: "off", ...attributes });
}

function narrow(text, control) {
  const field = labelled(text, control);
  field.classList.add("lk-narrow");
  return field;
}

// Fields and their button, which Enter presses too. Not a form: a page must never be sent away.
function command(label, act, ...parts) {
  const press = button(label, act);
  const group = element("div", { class: "lk-command", role: "group", "aria-label": label }, ...parts, press);
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input:not([type=checkbox])")) return;
    event.preventDefault();
    act();
  });
  return { group, press };
}

function render({ model, el }) {
  const subprotocols = line({ placeholder: "none" });
  const origin = line({ placeholder: "none" });
  const compress = element("input", { type: "checkbox" });
  const message = line();
  const length = line({ inputmode: "numeric", placeholder: "as typed" });
  const code = line({ inputmode: "numeric", value: "1000" });
  const reason = line({ placeholder: "none" });
  const address = element("span", { class: "lk-mono lk-soft" });
  const words = element("p", { class: "lk-state", role: "status" });
  const notice = element("p", { class: "lk-notice", role: "status" });
  const inbox = element("p", { class: "lk-notice lk-soft" });

  const connect = command("Connect",
    () => model.send({ do: "connect", subprotocols: subprotocols.value, origin: origin.value, compress: compress.checked }),
    labelled("Subprotocols, comma separated", subprotocols), labelled("Origin", origin),
    element("label", { class: "lk-tick" }, compress, element("span", {}, "Compress")));
  const send = command("Send",
    () => model.send({ do: "send", message: message.value, length: length.value }),
    labelled("Message", message), narrow("Length in characters", length));
  send.group.append(button("Ping", () => model.send({ do: "ping" })));
  const close = command("Close",
    () => model.send({ do: "close", code: code.value, reason: reason.value }),
    narrow("Close code", code), labelled("Reason", reason));
  for (const { press } of [connect, send]) press.classList.add("lk-primary");
  const root = panel("Client", "lk-client",
    element("div", { class: "lk-head" }, element("h4", { class: "lk-title" }, "Client"), address),
    connect.group, send.group, close.group,
    element("div", { class: "lk-outcome" }, words, notice, inbox));

  function update() {
    const state = model.get("state");
    say(address, state.address);
    say(connect.press, state.active ? "Reconnect" : "Connect");
    say(words, state.words);
    say(notice, state.notice);
    say(inbox, state.inbox);
    notice.hidden = !state.notice;
  }

  model.on("change:state", update);
  update();
  el.append(root);
  return () => model.off("change:state", update);
}

export default { render };
