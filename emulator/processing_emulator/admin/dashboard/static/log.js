// The log of a job: only the lines in view are in the document, read in pages when they come into view, so that a
// million lines scroll like ten. Line N of the page is event N-1 of the host's log; #L123 links to it.
"use strict";

(() => {
  const ROW = 20, PAGE = 500, TALLEST = 8_000_000, POLL_MS = 1000, KEPT_PAGES = 60;
  const section = document.getElementById("log");
  const [view, space, lines, shown, host, text, follow, found, count] =
    ["log-view", "log-space", "log-lines", "log-line", "log-host", "log-text", "log-follow", "log-found", "log-count"]
      .map((id) => document.getElementById(id));
  let total = 0, pages = new Map(), chosen = -1, generation = 0;

  const hasEnded = () => document.getElementById("summary").dataset.ended === "true";
  const perView = () => Math.max(1, Math.floor(view.clientHeight / ROW));

  async function read(path, query) {
    const address = new URL(path, location.href);
    for (const [name, value] of Object.entries({ host: host.value, ...query })) address.searchParams.set(name, value);
    const answer = await fetch(address);
    if (!answer.ok) throw new Error((await answer.json()).error);
    return answer.json();
  }

  // The height of an element is limited, so the scroll position is a share of all lines, not a line.
  const height = () => Math.min(total * ROW, TALLEST);
  const lastTop = () => Math.max(0, total - perView());
  function top() {
    const room = height() - view.clientHeight;
    return room <= 0 ? 0 : Math.round(Math.min(1, view.scrollTop / room) * lastTop());
  }
  function scrollTo(line) {
    const room = height() - view.clientHeight;
    view.scrollTop = lastTop() === 0 ? 0 : (Math.min(line, lastTop()) / lastTop()) * room;
    draw();
  }

  function event(number) {
    const page = pages.get(Math.floor(number / PAGE));
    return page && page.events ? page.events.get(number) : undefined;
  }
  async function load(index) {
    const mine = generation;
    const before = pages.get(index);
    if (before && (before.isWhole || before.isLoading)) return;
    pages.set(index, { ...before, isLoading: true });
    try {
      const answer = await read(section.dataset.logs, { from: index * PAGE, limit: PAGE });
      if (mine !== generation) return;
      const events = new Map(answer.events.filter((each) => each.seq < (index + 1) * PAGE).map((each) => [each.seq, each]));
      pages.set(index, { events, isWhole: hasEnded() || total >= (index + 1) * PAGE, total });
      if (pages.size > KEPT_PAGES) pages.delete(pages.keys().next().value);
      draw();
    } catch (error) {
      pages.delete(index);
      found.textContent = String(error.message);
    }
  }

  function draw() {
    space.style.height = `${height()}px`;
    count.textContent = total.toLocaleString("en");
    const first = top(), last = Math.min(total, first + perView() + 1);
    for (let index = Math.floor(first / PAGE); last > 0 && index <= Math.floor((last - 1) / PAGE); index++) {
      const page = pages.get(index);
      if (!page || (!page.isWhole && !page.isLoading && page.total < total)) load(index);
    }
    const rows = [];
    for (let number = first; number < last; number++) rows.push(row(number));
    lines.replaceChildren(...rows);
    lines.style.top = `${view.scrollTop}px`;
    const each = chosen < 0 ? undefined : event(chosen);
    shown.hidden = !each;
    shown.textContent = each ? `${chosen + 1}  ${each.at}\n${each.message}` : "";
  }
  function row(number) {
    const element = document.createElement("div"), link = document.createElement("a"), message = document.createElement("span");
    const each = event(number);
    element.className = number === chosen ? "line chosen" : "line";
    link.href = `#L${number + 1}`;
    link.textContent = String(number + 1);
    link.tabIndex = -1;
    message.textContent = each ? each.message.replaceAll("\n", " ↵ ").slice(0, 4000) : "";
    if (each) message.title = each.at;
    element.append(link, message);
    return element;
  }

  async function choose(number) {
    chosen = Math.max(0, Math.min(number, total - 1));
    history.replaceState(null, "", `#L${chosen + 1}`);
    if (chosen < top() || chosen >= top() + perView()) scrollTo(chosen - Math.floor(perView() / 2));
    draw();
    await load(Math.floor(chosen / PAGE));
  }

  async function search(backward) {
    if (!text.value) return;
    const mine = ++searches;
    let from = backward ? chosen : chosen + 1;
    if (chosen < 0) from = backward ? total : 0;
    for (;;) {
      found.textContent = "Searching…";
      let answer;
      try {
        answer = await read(section.dataset.search, { text: text.value, from, backward });
      } catch (error) { found.textContent = String(error.message); return; }
      if (mine !== searches) return;
      if (answer.seq !== null) { found.textContent = `Line ${answer.seq + 1}`; return choose(answer.seq); }
      if (answer.next === null) { found.textContent = backward ? "Nothing before" : "Nothing further"; return; }
      from = answer.next;
    }
  }
  let searches = 0;

  async function refresh() {
    const ended = hasEnded();
    const answer = await read(section.dataset.logs, { tail: 1 });
    if (answer.next !== total) {
      total = answer.next;
      if (follow.checked) scrollTo(total); else draw();
    }
    return ended;
  }
  async function poll() {
    const mine = generation;
    let ended = false;
    try { ended = await refresh(); } catch (error) { found.textContent = String(error.message); }
    if (mine === generation && !ended) setTimeout(poll, POLL_MS);
  }
  async function start() {
    generation++;
    total = 0; pages = new Map(); chosen = -1; shown.hidden = true;
    await poll();
    const line = /^#L(\d+)$/.exec(location.hash);
    if (line && total > 0) { follow.checked = false; await choose(Number(line[1]) - 1); }
  }

  view.addEventListener("scroll", draw, { passive: true });
  view.addEventListener("wheel", (moved) => { if (moved.deltaY < 0) follow.checked = false; }, { passive: true });
  view.addEventListener("keydown", (pressed) => {
    const by = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[pressed.key];
    if (by === undefined || pressed.ctrlKey || pressed.metaKey) return;
    follow.checked = false;
    choose(chosen < 0 ? top() : chosen + by);
    pressed.preventDefault();
    pressed.stopPropagation();
  });
  lines.addEventListener("click", (clicked) => {
    const link = clicked.target.closest(".line")?.querySelector("a");
    if (!link) return;
    clicked.preventDefault();
    choose(Number(link.textContent) - 1);
  });
  window.addEventListener("hashchange", () => {
    const line = /^#L(\d+)$/.exec(location.hash);
    if (line) choose(Number(line[1]) - 1);
  });
  section.querySelector("form").addEventListener("submit", (sent) => { sent.preventDefault(); search(false); });
  document.getElementById("log-back").addEventListener("click", () => search(true));
  host.addEventListener("change", start);
  follow.addEventListener("change", () => { if (follow.checked) scrollTo(total); });
  new ResizeObserver(draw).observe(view);
  follow.checked = !hasEnded() && !location.hash;
  start();
})();
