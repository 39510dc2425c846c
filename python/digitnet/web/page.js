// The page of `digitnet serve`: what is drawn is sent as a PNG, the newest prediction is shown.

const $ = (id) => document.getElementById(id);
let requests = 0;
let shown = 0;

async function predict(blob) {
  const number = ++requests;
  const response = await fetch("api/predict?explain=1", { method: "POST", body: blob });
  const result = await response.json().catch(() => ({ detail: "no response" }));
  if (number < shown) return; // a newer one is here
  shown = number;
  $("problem").textContent = response.ok ? "" : result.detail;
  if (!response.ok) return;
  $("label").textContent = result.label;
  const timing = response.headers.get("server-timing") ?? "";
  const took = /dur=([\d.]+)/.exec(timing);
  $("took").textContent = took ? `${Number(took[1]).toFixed(1)} ms` : "";
  bars(result.probabilities);
  const ink = (t) => Array(3).fill(Math.round(255 * (1 - t)));
  paint($("seen"), result.image, 0, result.max_value, ink);
  const most = Math.max(...result.saliency.flat());
  const heat = (t) => [255, 255 - 160 * t, 255 - 255 * t].map(Math.round);
  paint($("saliency"), result.saliency, 0, most, heat);
}

const pad = makePad($("pad"), (canvas) => canvas.toBlob((blob) => predict(blob)));
const bars = makeBars($("bars"));
$("pad").prepend(pad.canvas);

function clear() {
  pad.clear();
  shown = ++requests;
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
  await predict(file);
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
