/** Where the server wants to know who asks: with a token, or with a name and a password. */

import { ask, Refusal } from "../api.js";
import { html, useState } from "../html.js";
import { Mark } from "../parts/icons.js";
import { href, usePlace } from "../router.js";
import { t } from "../words.js";

export default function SignIn() {
  const { query } = usePlace();
  const [user, setUser] = useState("");
  const [secret, setSecret] = useState("");
  const [why, setWhy] = useState("");
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    try {
      await ask("session", { method: "POST", body: user ? { user, password: secret } : { token: secret } });
      const then = query.get("then") ?? "";
      // Only back to where somebody came from: another place's address would be a trap.
      location.href = then.startsWith(href([])) ? then : href([]);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      setWhy(error.message || t("no.server"));
    }
  };
  return html`<main class="sign-in"><h1 class="state"><${Mark} /> ${t("sign.in")}</h1><form onSubmit=${submit}>
    <label>${t("user")}<input class="field" name="user" autocomplete="username" value=${user} placeholder=${t("user.optional")} onInput=${(/** @type {any} */ event) => setUser(event.target.value)} /></label>
    <label>${user ? t("password") : t("token")}<input class="field" name="secret" type="password" autocomplete="current-password" required value=${secret} onInput=${(/** @type {any} */ event) => setSecret(event.target.value)} /></label>
    ${why && html`<p class="is-failed" role="alert">${why}</p>`}
    <button class="button main" type="submit">${t("sign.in")}</button></form></main>`;
}
