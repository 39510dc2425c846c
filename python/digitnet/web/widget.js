// The notebook's widget: the pad and the bars, with Python behind them.

export default {
  render({ model, el }) {
    el.classList.add("dn-widget");
    const left = document.createElement("div");
    const right = document.createElement("div");
    el.append(left, right);
    const pad = makePad(left, (canvas) => {
      model.set("drawn", canvas.toDataURL("image/png").split(",")[1]);
      model.save_changes();
    });
    const row = document.createElement("p");
    const button = document.createElement("button");
    button.textContent = "Clear";
    row.append(button);
    left.append(row);
    const answer = document.createElement("output");
    answer.className = "dn-label";
    right.append(answer);
    const bars = makeBars(right);
    const problem = document.createElement("p");
    right.append(problem);
    function update() {
      answer.textContent = model.get("label") || "\u00a0";
      problem.textContent = model.get("problem");
      const probabilities = model.get("probabilities");
      if (Object.keys(probabilities).length) bars(probabilities);
      else right.querySelector(".dn-bars").replaceChildren();
    }
    button.addEventListener("click", () => {
      pad.clear();
      model.set("drawn", "");
      model.save_changes();
    });
    for (const name of ["label", "probabilities", "problem"]) {
      model.on(`change:${name}`, update);
    }
    update();
  },
};
