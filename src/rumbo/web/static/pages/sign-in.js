/** Where the server wants to know who asks: with a token, for which it gives a cookie that no script can read. */

import { ask, Refusal } from "../api.js";
import { html, useState } from "../html.js";
import { Mark } from "../parts/icons.js";
import { href, usePlace } from "../router.js";
import { t } from "../words.js";

export default function SignIn() {
  const { query } = usePlace();
  const [token, setToken] = useState("");
  const [why, setWhy] = useState("");
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    try {
      await ask("session", { method: "POST", body: { token } });
      const then = query.get("then") ?? "";
      // Only back to where somebody came from: another place's address would be a trap.
      location.href = then.startsWith(href([])) ? then : href([]);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      setWhy(error.message || t("no.server"));
    }
  };
  return html`<main class="sign-in">
    <h1 class="state"><${Mark} /> ${t("sign.in")}</h1>
    <form onSubmit=${submit}>
      <label
        >${t("token")}<input
          class="field"
          name="token"
          type="password"
          autocomplete="current-password"
          required
          value=${token}
          onInput=${(/** @type {any} */ event) => setToken(event.target.value)}
      /></label>
      <p class="quiet">${t("token.text")} <code>rumbo token create --role viewer</code></p>
      ${why && html`<p class="is-failed" role="alert">${why}</p>`}
      <button class="button main" type="submit">${t("sign.in")}</button>
    </form>
  </main>`;
}
