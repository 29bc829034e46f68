// Times that go on between two answers of the server: [data-age] is a number of seconds that grows, [data-countdown]
// one that falls; [data-before] and [data-after] are the words around it. What the server wrote is right for the
// moment at which it wrote it, and stays without script.
const seen = new WeakMap();

function words(seconds) {
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min` : `${seconds} s`;
}

function tick() {
  for (const element of document.querySelectorAll("[data-age], [data-countdown]")) {
    if (!seen.has(element)) seen.set(element, performance.now());
    const passed = Math.floor((performance.now() - seen.get(element)) / 1000);
    const { age, countdown, before = "", after = "" } = element.dataset;
    const left = Number(countdown) - passed;
    if (age) element.textContent = `${before}${words(Number(age) + passed)}${after}`;
    else element.textContent = left > 0 ? `${before}${words(left)}${after}` : "Trying again now";
  }
}

setInterval(tick, 1000);
