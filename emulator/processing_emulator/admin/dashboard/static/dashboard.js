// Keyboard, buttons that copy, and the help. Lists and logs are found by their data attributes.
"use strict";

(() => {
  const isTyping = (target) => target.closest("input, select, textarea, dialog") !== null;

  function step(by) {
    const items = [...document.querySelectorAll("[data-item]")];
    const at = items.indexOf(document.activeElement);
    const next = items[Math.max(0, Math.min(items.length - 1, at < 0 ? 0 : at + by))];
    if (next) next.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.matches("input")) event.target.blur();
    if (isTyping(event.target)) return;
    if (event.key === "/") {
      const field = document.querySelector("input[data-search]");
      if (field) { field.focus(); event.preventDefault(); }
    } else if (event.key === "j" || event.key === "k") {
      step(event.key === "j" ? 1 : -1);
    } else if (event.key === "?") {
      document.getElementById("keys").showModal();
    }
  });

  // The end of a log's tail is what names the error.
  const showEnds = () => { for (const each of document.querySelectorAll("pre[data-end]")) each.scrollTop = each.scrollHeight; };
  showEnds();
  document.addEventListener("htmx:afterSwap", showEnds);

  document.addEventListener("click", async (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    const copier = event.target.closest("[data-copies]");
    if (copier) {
      await navigator.clipboard.writeText(document.getElementById(copier.dataset.copies).textContent);
      copier.firstChild.textContent = "Copied";
      setTimeout(() => { copier.firstChild.textContent = "Copy"; }, 1500);
    }
  });
})();
