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
    /** What the address names and is not in this run. @type {string[]} */ this.unknown = [];
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
    this.unknown = [];
    for (const [field, values] of Object.entries(this.allowed)) {
      const value = given.get(field);
      if (value === null) continue;
      if (values.includes(value)) state[field] = value;
      else this.unknown.push(`${field} “${value.slice(0, 60)}”`);
    }
    return state;
  }

  /** The address of a state, from `#` on. @param {Partial<State>} change */
  address(change) {
    const given = new URLSearchParams();
    for (const [field, value] of Object.entries({ ...this.now, ...change })) if (value !== this.usual[field]) given.set(field, String(value));
    return `#${given}`;
  }

  /** @param {Partial<State>} change */
  go(change) {
    const hash = this.address(change);
    this.now = /** @type {State} */ ({ ...this.now, ...change });
    this.unknown = [];
    if (hash !== (location.hash || "#")) history.pushState(null, "", `${location.pathname}${location.search}${hash}`);
    this.show(this.now);
  }
}
