// Long pages of parts, narrowed to those that contain some words or have a property, and folded.
"use strict";

/** @typedef {{element: HTMLElement, text: string}} Item */

/** A text of any words is allowed in the address. */
const ANY_TEXT = /** @type {string[]} */ (/** @type {unknown} */ ({ includes: () => true }));

class PageFilter {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    /** @type {(HTMLInputElement|HTMLSelectElement)[]} */ this.fields = [...form.querySelectorAll("input, select")].map((each) => /** @type {any} */ (each));
    const nameOf = (/** @type {HTMLElement} */ each) => each.closest("[data-text]")?.getAttribute("data-text") ?? "";
    /** @type {Item[]} */ this.items = [...document.querySelectorAll("[data-item]")].map((each) => {
      const element = /** @type {HTMLElement} */ (each);
      return { element, text: `${nameOf(element)} ${element.textContent}`.toLowerCase() };
    });
    this.groups = [...document.querySelectorAll("[data-items]")].map((each) => /** @type {HTMLElement} */ (each));
    const usual = Object.fromEntries(this.fields.map((each) => [each.name, ""]));
    const allowed = Object.fromEntries(this.fields.map((each) => [each.name, each instanceof HTMLSelectElement ? [...each.options].map((option) => option.value) : ANY_TEXT]));
    this.state = new AddressState(usual, allowed, (state) => this.show(state));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.narrow(this.chosen()));
    form.addEventListener("change", () => this.state.go(this.chosen()));
    for (const button of form.querySelectorAll("button[data-fold]")) button.addEventListener("click", () => this.fold(button.getAttribute("data-fold") === "open"));
    form.hidden = false;
    this.show(this.state.now);
  }

  /** @returns {State} */
  chosen() {
    return Object.fromEntries(this.fields.map((each) => [each.name, each.value]));
  }

  /** @param {State} state */
  show(state) {
    for (const each of this.fields) each.value = state[each.name];
    this.narrow(state);
  }

  /** @param {State} state */
  narrow(state) {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { element, text } of this.items) {
      const fits = words.every((word) => text.includes(word)) && Object.entries(state).every(([name, value]) => name === "text" || !value || (element.dataset[name] ?? "").split(" ").includes(value));
      element.hidden = !fits;
      if (fits) shown += 1;
    }
    // From the inside out: a group may hold groups.
    for (const group of [...this.groups].reverse()) group.hidden = !group.querySelector("[data-item]:not([hidden])");
    const all = this.items.length;
    $("shown").textContent = shown === all ? `All ${count(all)} are shown.` : `${count(shown)} of ${count(all)} are shown.`;
  }

  /** @param {boolean} open */
  fold(open) {
    for (const each of document.querySelectorAll("[data-item]:not([hidden]) details, details[data-item]:not([hidden])")) /** @type {HTMLDetailsElement} */ (each).open = open;
  }
}

const filterForm = document.querySelector("form[data-filter]");
if (filterForm instanceof HTMLFormElement) new PageFilter(filterForm);
