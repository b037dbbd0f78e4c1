// Curves of what a host uses, drawn by uPlot from a JSON document, with the limit where the curve comes near it.
"use strict";

(() => {
  const POLL_MS = 2000, NEAR = 0.2;
  const section = document.getElementById("curves"), grid = document.getElementById("curves-grid");
  const host = document.getElementById("curves-host");
  const bytes = (value) => {
    const unit = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (Math.abs(value) >= 1024 && at < unit.length - 1) { value /= 1024; at++; }
    return `${Number(value.toFixed(value < 10 && at > 0 ? 1 : 0))} ${unit[at]}`;
  };
  const percent = (value) => `${Number(value.toFixed(1))} %`;
  const KINDS = [
    ["cpuPercent", "CPU", percent, "--c3"], ["memoryBytes", "Memory", bytes, "--c5"], ["diskBytes", "Disk", bytes, "--c4"],
    ["gpuPercent", "GPU", percent, "--c2"], ["gpuMemoryPercent", "GPU memory", percent, "--c6"],
  ];
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  let drawn = [];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const hasEnded = () => document.getElementById("summary").dataset.ended === "true";

  function draw(answer) {
    for (const plot of drawn) plot.destroy();
    drawn = [];
    grid.replaceChildren();
    section.hidden = answer.at.length === 0;
    if (section.hidden) return;
    // All figures stand in the grid before one is measured: the grid divides its width among them.
    const kinds = KINDS.filter(([name]) => answer.curves[name]).map((kind) => [grid.appendChild(document.createElement("figure")), ...kind]);
    drawn = kinds.map(([figure, name, title, shown, hue]) => one(figure, answer, name, title, shown, colour(hue)));
  }

  const clock = (second) => new Date(second * 1000).toISOString().slice(11, 19);

  function one(figure, answer, name, title, shown, hue) {
    const values = answer.curves[name];
    const peak = Math.max(...values.filter((value) => value !== null));
    const limit = answer.limits[name], type = answer.type[name];
    const heading = document.createElement("figcaption");
    const capped = type && type !== limit ? `; the type has ${shown(type)}` : "";
    heading.textContent = `${title}: at most ${shown(peak)} of ${shown(limit)}${capped}`;
    figure.append(heading);
    const highest = peak > limit * NEAR ? Math.max(limit, peak) : peak || 1;
    const line = colour("--line"), quiet = colour("--quiet");
    const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui" };
    return new uPlot({
      width: figure.clientWidth, height: 180,
      cursor: { sync: { key: "use" }, drag: { x: true, y: false } },
      scales: { y: { range: [0, highest * 1.05] } },
      axes: [{ ...axis, incrs: STEPS, space: 75, values: (_plot, splits) => splits.map(clock) }, { ...axis, size: 70, values: (_plot, splits) => splits.map(shown) }],
      series: [
        { label: "Time", value: (_plot, second) => (second === null ? "-" : clock(second)) },
        { label: title, stroke: hue, width: 2, points: { show: values.length < 3 }, value: (_plot, value) => (value === null ? "-" : shown(value)) },
        { label: "Limit", stroke: colour("--bad"), dash: [6, 4], width: 1, points: { show: false }, value: () => shown(limit) },
      ],
    }, [answer.at, values, answer.at.map(() => limit)], figure);
  }

  async function refresh() {
    const ended = hasEnded(), asked = host.value, address = new URL(section.dataset.usage, location.href);
    address.searchParams.set("host", asked);
    const answer = await fetch(address);
    if (answer.ok && asked === host.value) draw(await answer.json());
    return ended;
  }
  async function poll() {
    let ended = false;
    try { ended = await refresh(); } catch { /* the server is away: ask again */ }
    if (!ended) setTimeout(poll, POLL_MS);
  }

  host.addEventListener("change", refresh);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  let width = window.innerWidth;
  window.addEventListener("resize", () => { if (width !== window.innerWidth) { width = window.innerWidth; refresh(); } });
  poll();
})();
