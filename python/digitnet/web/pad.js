// A pad to draw on and bars of probabilities. Included whole in the page of
// `digitnet serve` and in the notebook's widget; nothing is loaded from elsewhere.

const SIDE = 280; // pixels of the pad
const PEN = 22; // its pen's width

// Makes a pad in `parent`; calls onStroke(canvas) when a stroke ends and, while drawing,
// at most every `pause` milliseconds. Returns {canvas, clear, show(image)}.
function makePad(parent, onStroke, pause = 120) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.className = "dn-pad";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "pad to draw a digit on");
  parent.append(canvas);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let last = null;
  let reported = 0;

  function clear() {
    context.fillStyle = "white";
    context.fillRect(0, 0, SIDE, SIDE);
  }
  function place(event) {
    const box = canvas.getBoundingClientRect();
    const scale = SIDE / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }
  function draw(event) {
    const next = place(event);
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(...next);
    context.stroke();
    last = next;
  }
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    draw(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    draw(event);
    if (performance.now() - reported > pause) {
      reported = performance.now();
      onStroke(canvas);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (last) onStroke(canvas);
      last = null;
    });
  }
  // A picture, as large as fits.
  function show(image) {
    clear();
    const scale = Math.min(SIDE / image.width, SIDE / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    const at = [(SIDE - width) / 2, (SIDE - height) / 2];
    context.drawImage(image, ...at, width, height);
  }
  clear();
  return { canvas, clear, show };
}

// Makes bars for {class: probability} in `parent`; returns a function that sets them.
function makeBars(parent) {
  const list = document.createElement("div");
  list.className = "dn-bars";
  list.setAttribute("aria-live", "polite");
  parent.append(list);
  return (probabilities) => {
    const best = Math.max(...Object.values(probabilities));
    list.replaceChildren(
      ...Object.entries(probabilities).map(([name, value]) => {
        const row = document.createElement("div");
        row.className = value === best ? "dn-bar dn-best" : "dn-bar";
        const label = document.createElement("span");
        label.textContent = name;
        const bar = document.createElement("i");
        bar.style.width = `${(100 * value).toFixed(1)}%`;
        const track = document.createElement("b");
        track.append(bar);
        const share = document.createElement("em");
        share.textContent = `${(100 * value).toFixed(1)} %`;
        row.append(label, track, share);
        return row;
      }),
    );
  };
}

// Paints rows of numbers from `low` to `high`; colour(t) gives [r, g, b] for t in 0 to 1.
function paint(canvas, rows, low, high, colour) {
  canvas.height = rows.length;
  canvas.width = rows[0].length;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, i) => {
    const t = high > low ? (value - low) / (high - low) : 0;
    pixels.data.set([...colour(Math.min(1, Math.max(0, t))), 255], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
}
