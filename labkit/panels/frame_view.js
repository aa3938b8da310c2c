// The frame editor. It shows what Python says the frame is, and reports what was typed or ticked.

const OPCODES = { 0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };
const FLAGS = [["fin", "FIN"], ["rsv1", "RSV1"], ["rsv2", "RSV2"], ["rsv3", "RSV3"], ["masked", "MASK"]];

function opcodeSelect() {
  const options = Array.from({ length: 16 }, (_, opcode) => {
    const name = `0x${opcode.toString(16).toUpperCase()} ${OPCODES[opcode] ?? "reserved"}`;
    return element("option", { value: String(opcode) }, name);
  });
  return element("select", {}, ...options);
}

// One control for each field that can be edited: its element, and how it reads and shows a value.
function controls() {
  const line = () => element("input", { type: "text", spellcheck: "false", autocomplete: "off" });
  const box = () => element("input", { type: "checkbox" });
  const fields = Object.fromEntries(FLAGS.map(([name]) => [name, box()]));
  const area = () => element("textarea", { rows: "2", spellcheck: "false" });
  return { ...fields, opcode: opcodeSelect(), key: line(), text: area(), hex: area(), bytes: area() };
}

function valueOf(control) {
  if (control.type === "checkbox") return control.checked;
  return control.tagName === "SELECT" ? Number(control.value) : control.value;
}

function layOut(nodes) {
  const { title, diagram, fields, complaints, send, reset, status } = nodes;
  const flags = FLAGS.map(([name, label]) =>
    element("label", { class: "lk-flag-box" }, fields[name], element("span", {}, label)),
  );
  return [
    element("div", { class: "lk-head" }, title),
    diagram,
    element("fieldset", { class: "lk-flags" }, element("legend", { class: "lk-hidden" }, "Bits"), ...flags),
    element("div", { class: "lk-form" },
      labelled("Opcode", fields.opcode), labelled("Masking key, hex", fields.key),
      labelled("Payload, text", fields.text), labelled("Payload, hex", fields.hex),
      element("div", { class: "lk-whole" }, labelled("The whole frame, hex", fields.bytes))),
    nodes.words,
    complaints,
    element("div", { class: "lk-actions" }, send, reset, status),
  ];
}

function render({ model, el }) {
  const fields = controls();
  const nodes = {
    fields,
    title: element("h4", { class: "lk-title" }),
    diagram: element("div", { class: "lk-diagram" }),
    words: element("details", { class: "lk-words" }, element("summary", {}, "Each field in words")),
    complaints: element("ul", { class: "lk-complaints", "aria-label": "Rules this frame breaks" }),
    send: button("Send", () => model.send({ do: "send" })),
    reset: button("Reset", () => model.send({ do: "reset" })),
    status: element("span", { role: "status", class: "lk-soft" }),
  };
  const legend = element("tbody");
  nodes.words.append(element("table", { class: "lk-legend" }, legend));
  nodes.send.classList.add("lk-primary");
  const root = panel("Frame editor", "lk-frame-view", ...layOut(nodes));

  function show(name, control, state) {
    const value = state.fields[name];
    // What is being typed stays as it is until the field is left.
    const typing = control.getRootNode().activeElement === control && control.type !== "checkbox";
    if (control.type === "checkbox") control.checked = value;
    else if (!typing || control.tagName === "SELECT" || state.status === "reset") control.value = value;
    control.setAttribute("aria-invalid", String(state.invalid === name));
  }

  function update() {
    const state = model.get("state");
    say(nodes.title, state.title);
    drawDiagram(nodes.diagram, state);
    drawLegend(legend, state.legend);
    drawComplaints(nodes.complaints, state.complaints);
    for (const [name, control] of Object.entries(fields)) show(name, control, state);
    for (const name of ["text", "hex", "bytes"]) fields[name].disabled = !state.fields.editable;
    fields.key.disabled = !state.fields.masked;
    nodes.send.disabled = !state.can_send;
    const legality = state.complaints.length ? "breaks a rule" : "legal";
    say(nodes.status, state.invalid ? state.status : `${state.status}; ${legality}`);
  }

  for (const [name, control] of Object.entries(fields)) {
    const event = control.tagName === "SELECT" || control.type === "checkbox" ? "change" : "input";
    control.addEventListener(event, () => model.send({ do: "edit", field: name, value: valueOf(control) }));
    control.addEventListener("blur", update);
  }
  model.on("change:state", update);
  update();
  el.append(root);
  return () => model.off("change:state", update);
}

export default { render };
