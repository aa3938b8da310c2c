// Draws a frame as rows of 32 bits. The legend beside it says the same in words.

function drawCell(cell) {
  const wide = cell.bits.length;
  const bits = element("span", { class: "lk-bits" }, ...[...cell.bits].map((bit) => element("span", {}, bit)));
  const label = element("span", { class: wide === 1 ? "lk-cell-label lk-upright" : "lk-cell-label" }, cell.label);
  const node = element("span", { class: `lk-cell lk-${cell.kind}`, title: cell.label }, bits, label);
  node.style.gridColumn = `span ${wide}`;
  bits.style.gridTemplateColumns = `repeat(${wide}, 1fr)`;
  return node;
}

function drawRow(row) {
  const tall = row.cells.some((cell) => cell.bits.length === 1);
  const octets = row.octets.map((octet) => element("span", { class: "lk-octet" }, octet));
  return element("div", { class: tall ? "lk-row lk-tall" : "lk-row" }, ...row.cells.map(drawCell), ...octets);
}

function drawRuler() {
  const ticks = Array.from({ length: 32 }, (_, bit) => element("span", {}, String(bit)));
  return element("div", { class: "lk-row lk-ruler" }, ...ticks);
}

function drawDiagram(host, picture) {
  const rows = [drawRuler(), ...picture.rows.map(drawRow)];
  if (picture.hidden) {
    rows.push(element("div", { class: "lk-more" }, `and ${picture.hidden.toLocaleString("en")} more bytes of payload`));
  }
  const grid = element("div", { class: "lk-grid", "aria-hidden": "true" }, ...rows);
  host.replaceChildren(grid);
}

function drawLegend(host, legend) {
  const lines = legend.map(([name, value, meaning]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      element("td", { class: "lk-mono" }, value),
      element("td", {}, meaning),
    ),
  );
  host.replaceChildren(...lines);
}

function drawComplaints(host, complaints) {
  host.hidden = complaints.length === 0;
  host.replaceChildren(...complaints.map((text) => element("li", {}, text)));
}
