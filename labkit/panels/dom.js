// Makes elements. Strings become text, never markup.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
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
