// The ticker: the last prices as a line, and in words.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 140;

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function points(prices, size, low, high) {
  const across = (i) => ((i + size - prices.length) / (size - 1)) * WIDTH;
  const up = (price) => HEIGHT - 8 - ((price - low) / (high - low || 1)) * (HEIGHT - 16);
  return prices.map((price, i) => [across(i), up(price)]);
}

function render({ model, el }) {
  const connection = connectionLine(model, "Ticker");
  const line = shape("polyline", { class: "lk-plot-line" });
  const dot = shape("circle", { class: "lk-plot-dot", r: "4" });
  const chart = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "lk-plot", role: "img", "aria-label": "the last prices" });
  const high = element("span", {});
  const low = element("span", {});
  const words = element("p", { class: "lk-reading" });
  const problem = element("p", { class: "lk-problem", role: "status" });
  chart.append(line, dot);
  const plot = element("div", { class: "lk-plot-frame" }, element("div", { class: "lk-scale", "aria-hidden": "true" }, high, low), chart);
  const root = panel("Ticker", "", connection.line, plot, words, problem);

  function update() {
    const state = model.get("state");
    const { prices } = state;
    connection.update(state.connection);
    say(words, state.words);
    say(problem, state.problem);
    problem.hidden = !state.problem;
    plot.hidden = !prices.length;
    if (!prices.length) return;
    const [least, most] = [Math.min(...prices), Math.max(...prices)];
    const drawn = points(prices, state.size, least, most);
    say(high, most.toFixed(2));
    say(low, least.toFixed(2));
    line.setAttribute("points", drawn.map((point) => point.join(",")).join(" "));
    dot.setAttribute("cx", drawn.at(-1)[0]);
    dot.setAttribute("cy", drawn.at(-1)[1]);
  }

  model.on("change:state", update);
  update();
  el.append(root);
  return () => model.off("change:state", update);
}

export default { render };
