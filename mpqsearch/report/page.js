"use strict";
// Draws the figures when they come near, and shows the export command of what is selected.
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const field = (id, name) => data.candidates[id][data.fields.indexOf(name)];
  const drawn = new Set();
  let selected = null;

  // What is shown where a pointer is over a candidate stands once in the table, not in each figure.
  const labels = (ids) =>
    Array.isArray(ids) ? ids.map(labels) : field(ids, "label");

  const touch = matchMedia("(pointer: coarse)").matches;

  const settings = (name) => ({
    responsive: true,
    displayModeBar: touch ? false : "hover",
    displaylogo: false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], // none that sends data anywhere
    toImageButtonOptions: { format: "svg", filename: name },
  });

  const draw = async (place) => {
    if (drawn.has(place)) return;
    drawn.add(place);
    const { data: traces, layout } = data.figures[place.id];
    for (const trace of traces) {
      if (trace.customdata) trace.hovertext = labels(trace.customdata);
    }
    layout.height = undefined;
    layout.autosize = true;
    // A finger that pans a figure cannot scroll the page.
    layout.dragmode = touch ? false : "zoom";
    if (place.id.startsWith("front-")) layout.showlegend = false; // one for all, in the page
    await Plotly.newPlot(place, traces, layout, settings(place.id));
    place.on("plotly_click", (event) => {
      const id = event.points[0].customdata;
      if (id !== undefined) select(id);
    });
    mark(place);
  };

  const mark = (place) => {
    const { meta } = data.figures[place.id].layout;
    if (!meta || !place.data) return;
    const at = [meta.across, meta.up].map((key) =>
      selected === null ? [] : [field(selected, key)],
    );
    Plotly.restyle(place, { x: [at[0]], y: [at[1]] }, [place.data.length - 1]);
  };

  const bar = document.getElementById("selected");

  const select = (id) => {
    selected = id;
    bar.hidden = id === null;
    if (id !== null) {
      const hint = field(id, "hint");
      bar.querySelector(".label").innerHTML = field(id, "label").replaceAll("<br>", " · ");
      bar.querySelector(".hint").textContent = hint ?? "It does not fit the chip and cannot be exported.";
      bar.querySelector(".command").hidden = hint === null;
      bar.querySelector(".command code").textContent =
        `${data.command} --length ${field(id, "length")} --bits ${field(id, "bits")}`;
      bar.querySelector(".copy").textContent = "Copy";
    }
    drawn.forEach(mark);
  };

  const copy = async (button) => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Not allowed here: mark it, so that one key copies it.
      getSelection().selectAllChildren(code);
      button.textContent = "Press Ctrl+C";
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.candidate) select(Number(button.dataset.candidate));
    else if (button?.classList.contains("copy")) copy(button);
    else if (button?.classList.contains("close")) select(null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") select(null);
  });

  const places = document.querySelectorAll(".plot");
  const near = new IntersectionObserver(
    (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => draw(one.target)),
    { rootMargin: "800px" },
  );
  places.forEach((place) => near.observe(place));
  addEventListener("beforeprint", () => places.forEach(draw));
})();
