// The whiteboard: draw with a pointer, or move the pen with the arrow keys and draw with space.

const STEP = 10;
// Dark enough to be seen on the board, which is white in every theme.
const INKS = ["#1f5fb8", "#b3400a", "#23763a", "#7a3fc4", "#a3195b", "#3d4752"];

function inkOf(name) {
  const sum = [...name].reduce((total, char) => total + char.codePointAt(0), 0);
  return INKS[sum % INKS.length];
}

function drawStroke(context, { points, by }) {
  context.strokeStyle = context.fillStyle = inkOf(by);
  context.lineWidth = 3;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...points[0]);
  // A line to its own beginning is a dot.
  for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(...point);
  context.stroke();
}

// The points of the stroke being drawn; sent in pieces that a message can carry.
function makePen(context, model, name) {
  let points = [];
  return {
    get isDown() {
      return points.length > 0;
    },
    add(point) {
      drawStroke(context, { points: [...points.slice(-1), point], by: name });
      points.push(point);
      if (points.length === 400) {
        this.lift();
        points = [point];
      }
    },
    lift() {
      if (points.length) model.send({ do: "draw", points });
      points = [];
    },
  };
}

function onPointer(canvas, pen) {
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * canvas.width;
    const y = ((event.clientY - box.top) / box.height) * canvas.height;
    return [Math.round(Math.min(Math.max(x, 0), canvas.width)), Math.round(Math.min(Math.max(y, 0), canvas.height))];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pen.add(place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) pen.add(place(event));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => pen.lift());
}

function onKeys(canvas, pen, tell) {
  const at = [canvas.width / 2, canvas.height / 2];
  const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  canvas.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (move) {
      at[0] = Math.min(Math.max(at[0] + move[0], 0), canvas.width);
      at[1] = Math.min(Math.max(at[1] + move[1], 0), canvas.height);
      if (pen.isDown) pen.add([...at]);
    } else if (event.key === " ") {
      if (pen.isDown) pen.lift();
      else pen.add([...at]);
    } else return;
    tell(`pen ${pen.isDown ? "down" : "up"} at ${at[0]}, ${at[1]}`, at);
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("blur", () => {
    pen.lift();
    tell("", at);
  });
}

function render({ model, el }) {
  const { name, width, height } = model.get("state");
  const connection = connectionLine(model, `Whiteboard: ${name}`);
  const canvas = element("canvas", {
    width, height, class: "lk-board", tabindex: "0", role: "img",
    "aria-label": "board: arrow keys move the pen, space puts it down and lifts it",
  });
  const cross = element("span", { class: "lk-cross", "aria-hidden": "true" });
  const words = element("p", { class: "lk-reading", role: "status" });
  const pen = element("p", { class: "lk-soft lk-hint", role: "status" });
  const problem = element("p", { class: "lk-problem", role: "status" });
  const hint = "Draw with the pointer, or choose the board: arrow keys move the pen, space draws.";
  const root = panel(`Whiteboard: ${name}`, "lk-whiteboard",
    connection.line, element("div", { class: "lk-board-frame" }, canvas, cross), words, pen, problem);
  const context = canvas.getContext("2d");

  function tell(text, at) {
    say(pen, text || hint);
    cross.hidden = !text;
    cross.style.left = `${(at[0] / width) * 100}%`;
    cross.style.top = `${(at[1] / height) * 100}%`;
  }

  function update() {
    const state = model.get("state");
    connection.update(state.connection);
    say(words, state.words);
    say(problem, state.problem);
    problem.hidden = !state.problem;
  }

  function onMessage({ strokes }) {
    for (const stroke of strokes ?? []) drawStroke(context, stroke);
  }

  const drawing = makePen(context, model, name);
  onPointer(canvas, drawing);
  onKeys(canvas, drawing, tell);
  model.on("change:state", update);
  model.on("msg:custom", onMessage);
  tell("", [0, 0]);
  update();
  el.append(root);
  model.send({ do: "replay" });
  return () => {
    model.off("change:state", update);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
