// The sequence chart of a connection: one line per thing that crossed, newest at the bottom.

const ARROWS = { client: "client → server", server: "server → client" };

function drawArrow({ n, sender, kind, label }, select) {
  const node = element(
    "button",
    { type: "button", class: `lk-arrow lk-from-${sender} lk-kind-${kind}`, "data-n": String(n), "aria-pressed": "false" },
    element("span", { class: "lk-hidden" }, `${ARROWS[sender]}: `),
    element("span", { class: "lk-arrow-label" }, label),
    element("span", { class: "lk-arrow-line", "aria-hidden": "true" }),
  );
  node.addEventListener("click", () => select(n));
  return element("li", {}, node);
}

function drawDetail(host, detail) {
  host.hidden = detail.n === undefined;
  if (host.hidden) return;
  const parts = [element("h5", { class: "lk-title" }, detail.title)];
  if (detail.picture) {
    const diagram = element("div", { class: "lk-diagram" });
    const legend = element("tbody");
    const complaints = element("ul", { class: "lk-complaints", "aria-label": "Rules this frame breaks" });
    drawDiagram(diagram, detail.picture);
    drawLegend(legend, detail.picture.legend);
    drawComplaints(complaints, detail.picture.complaints);
    parts.push(diagram, element("table", { class: "lk-legend" }, legend), complaints);
  }
  if (detail.head) parts.push(element("pre", { class: "lk-bytes" }, detail.head.trimEnd()));
  else if (detail.hex) parts.push(element("pre", { class: "lk-bytes" }, detail.hex));
  host.replaceChildren(...parts);
}

// Up and down walk through the arrows, as in any list.
function walk(event) {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step || !event.target.matches(".lk-arrow")) return;
  const arrows = [...event.currentTarget.querySelectorAll(".lk-arrow")];
  arrows[arrows.indexOf(event.target) + step]?.focus();
  event.preventDefault();
  event.stopPropagation();
}

function render({ model, el }) {
  const list = element("ol", { class: "lk-arrows" });
  const chart = element("div", { class: "lk-chart", role: "log", "aria-label": "What crossed the wire" }, list);
  const empty = element("p", { class: "lk-soft lk-empty" }, "Nothing has crossed the wire yet.");
  const hidden = element("p", { class: "lk-soft lk-empty" });
  const detail = element("div", { class: "lk-detail" });
  const lanes = element("div", { class: "lk-lanes", "aria-hidden": "true" }, element("span", {}, "client"), element("span", {}, "server"));
  const root = panel("Wire", "lk-wire-view", lanes, hidden, chart, empty, detail);
  const select = (n) => model.send({ do: "select", n: model.get("detail").n === n ? 0 : n });

  function mark() {
    const chosen = String(model.get("detail").n);
    for (const node of list.querySelectorAll(".lk-arrow")) node.setAttribute("aria-pressed", String(node.dataset.n === chosen));
  }

  function update() {
    const { arrows, hidden: count } = model.get("state");
    const atEnd = chart.scrollHeight - chart.scrollTop - chart.clientHeight < 8;
    const drawn = Number(list.lastElementChild?.firstElementChild.dataset.n ?? 0);
    // Only what is new is added, so that a screen reader says it once.
    list.append(...arrows.filter(({ n }) => n > drawn).map((arrow) => drawArrow(arrow, select)));
    while (list.childElementCount > arrows.length) list.firstElementChild.remove();
    empty.hidden = arrows.length > 0;
    hidden.hidden = count === 0;
    say(hidden, `${count} earlier lines are no longer shown`);
    if (atEnd) chart.scrollTop = chart.scrollHeight;
    mark();
  }

  function updateDetail() {
    drawDetail(detail, model.get("detail"));
    mark();
  }

  chart.addEventListener("keydown", walk);
  model.on("change:state", update);
  model.on("change:detail", updateDetail);
  el.append(root);
  update();
  updateDetail();
  return () => {
    model.off("change:state", update);
    model.off("change:detail", updateDetail);
  };
}

export default { render };
