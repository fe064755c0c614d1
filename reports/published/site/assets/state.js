// The state of a page in its address, so that a link shows exactly this view, the back button
// undoes one choice, and both work for a file.
"use strict";

/** @typedef {Record<string, string>} State */

class AddressState {
  /**
   * @param {State} usual what holds where the address says nothing
   * @param {Record<string, string[]>} allowed what each field may be: an address is written by anyone
   * @param {(state: State) => void} show
   */
  constructor(usual, allowed, show) {
    this.usual = usual;
    this.allowed = allowed;
    this.show = show;
    this.now = this.read();
    const back = () => { if (this.isState()) { this.now = this.read(); this.show(this.now); } };
    addEventListener("hashchange", back);
    addEventListener("popstate", back);
  }

  /** Whether the address holds a state, or nothing, and not the name of a part of the page. */
  isState() {
    return location.hash.length < 2 || location.hash.includes("=");
  }

  /** @returns {State} */
  read() {
    const state = { ...this.usual };
    const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const [field, values] of Object.entries(this.allowed)) {
      const value = given.get(field);
      if (value !== null && values.includes(value)) state[field] = value;
    }
    return state;
  }

  /** @param {Partial<State>} change */
  go(change) {
    this.now = /** @type {State} */ ({ ...this.now, ...change });
    const given = new URLSearchParams();
    for (const [field, value] of Object.entries(this.now)) if (value !== this.usual[field]) given.set(field, value);
    const hash = `#${given}`;
    if (hash !== (location.hash || "#")) history.pushState(null, "", `${location.pathname}${location.search}${hash}`);
    this.show(this.now);
  }
}
