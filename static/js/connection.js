// #connection[data-waiting] turns once its key has made a call: at once where the page is told, else within a few seconds.
import { become, pageOf } from "./renew.js";

const EVERY = 4_000;
const state = () => document.querySelector("#connection[data-waiting]");

async function look() {
  const here = state();
  if (!here || document.hidden) return;
  try {
    const fresh = (await pageOf(await fetch(`/settings/keys/${here.dataset.keyId}/connection`))).querySelector("#connection:not([data-waiting])");
    if (fresh && state()) become(state(), fresh);
  } catch { /* the next look may reach it */ }
}

if (state()) {
  document.addEventListener("news", (event) => event.detail.includes(`key:${state()?.dataset.keyId}`) && look());
  const clock = setInterval(() => (state() ? look() : clearInterval(clock)), EVERY);
}
