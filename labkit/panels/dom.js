// Makes elements. Strings become text, never markup.

// On what can be focused, JupyterLab's shortcuts are off: a key meant for a button must not cut a cell.
const FOCUSABLE = new Set(["button", "canvas", "input", "select", "summary", "textarea"]);

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (FOCUSABLE.has(tag)) node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.append(...children);
  return node;
}

function panel(label, kind, ...children) {
  return element("section", { class: `lk-panel ${kind}`.trim(), "aria-label": label }, ...children);
}

function labelled(text, control) {
  return element("label", { class: "lk-field" }, element("span", {}, text), control);
}

function button(text, onClick) {
  const node = element("button", { type: "button", class: "lk-button" }, text);
  node.addEventListener("click", onClick);
  return node;
}

// A live region announces every write, so write only what is new.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
