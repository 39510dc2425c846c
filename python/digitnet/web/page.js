// The page of `digitnet serve`: what is drawn is sent as a PNG, the newest answer is shown.

const $ = (id) => document.getElementById(id);
let asked = 0;
let shown = 0;

async function ask(blob) {
  const number = ++asked;
  const response = await fetch("api/predict?explain=1", { method: "POST", body: blob });
  const answer = await response.json().catch(() => ({ detail: "no answer" }));
  if (number < shown) return; // a newer one is here
  shown = number;
  $("problem").textContent = response.ok ? "" : answer.detail;
  if (!response.ok) return;
  $("label").textContent = answer.label;
  const timing = response.headers.get("server-timing") ?? "";
  const took = /dur=([\d.]+)/.exec(timing);
  $("took").textContent = took ? `${Number(took[1]).toFixed(1)} ms` : "";
  bars(answer.probabilities);
  const ink = (t) => Array(3).fill(Math.round(255 * (1 - t)));
  paint($("seen"), answer.image, 0, answer.max_value, ink);
  const most = Math.max(...answer.saliency.flat());
  const heat = (t) => [255, 255 - 160 * t, 255 - 255 * t].map(Math.round);
  paint($("saliency"), answer.saliency, 0, most, heat);
}

const pad = makePad($("pad"), (canvas) => canvas.toBlob((blob) => ask(blob)));
const bars = makeBars($("bars"));
$("pad").prepend(pad.canvas);

function clear() {
  pad.clear();
  shown = ++asked;
  $("label").textContent = "\u00a0";
  $("took").textContent = $("problem").textContent = "";
  $("bars").firstChild.replaceChildren();
  for (const id of ["seen", "saliency"]) $(id).width = $(id).width;
}
$("clear").addEventListener("click", clear);

async function take(file) {
  if (!file) return;
  clear();
  try {
    const image = await createImageBitmap(file);
    pad.show(image);
  } catch {
    // The server says what is wrong with it.
  }
  await ask(file);
}
$("file").addEventListener("change", (event) => take(event.target.files[0]));
for (const kind of ["dragover", "dragleave", "drop"]) {
  pad.canvas.addEventListener(kind, (event) => {
    event.preventDefault();
    pad.canvas.classList.toggle("dn-over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}
fetch("api/model").then(async (response) => {
  const model = await response.json();
  $("name").textContent = model.name;
  document.title = `${model.name}: draw`;
});
