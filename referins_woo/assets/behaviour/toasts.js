// Notices of success leave after 7 seconds, not while pointed at or focused; errors stay until they are closed.
const LASTS = 7000;

function start(toast) {
  let timer = 0;
  const go = () => {
    timer = window.setTimeout(() => toast.remove(), LASTS);
  };
  const stay = () => window.clearTimeout(timer);
  toast.addEventListener("mouseenter", stay);
  toast.addEventListener("focusin", stay);
  toast.addEventListener("mouseleave", go);
  toast.addEventListener("focusout", go);
  go();
}

const MOST = 3;
const all = [...document.querySelectorAll("[data-toast]")];
for (const old of all.slice(0, Math.max(0, all.length - MOST))) old.remove();
for (const toast of document.querySelectorAll("[data-toast=success]")) start(toast);
document.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]")?.remove());
