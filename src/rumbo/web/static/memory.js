/** What this browser remembers of its reader's taste. Without leave to remember, everything works, and is forgotten. */

/** @param {string} name */
export function stored(name) {
  try {
    return localStorage.getItem(`rumbo.${name}`) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} name @param {string} value */
export function store(name, value) {
  try {
    if (value) localStorage.setItem(`rumbo.${name}`, value);
    else localStorage.removeItem(`rumbo.${name}`);
  } catch {
    // private windows refuse
  }
}
