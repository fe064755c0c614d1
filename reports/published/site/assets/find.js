// The search box in the head of every page: it leads to search.html with the text in its address.
"use strict";

/** Characters of an error text that an address holds; what an error is stands at its end. */
const LONGEST_ASKED = 6000;

/** The address of the search for a text. @param {string} text */
function searchAddress(text) {
  const asked = text.trim().slice(-LONGEST_ASKED);
  return asked ? `#q=${encodeURIComponent(asked)}` : "#";
}

(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const form = /** @type {HTMLFormElement|null} */ (document.querySelector("form.find"));
  const box = form?.querySelector("textarea");
  if (!form || !box) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) location.href = new URL(`../search.html${searchAddress(box.value)}`, script.src).href;
  });
  // Enter asks; an error text that is pasted keeps its lines.
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
})();
