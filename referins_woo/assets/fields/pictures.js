// Pictures dropped, pasted or chosen where an address is asked for: sent at once, with progress, and put in as address.
// Without script there is the page of pictures, and the address can be typed.
const KINDS = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/** Show every place for a picture, with the picture that it holds. */
export function refresh() {
  for (const place of document.querySelectorAll("[data-picture-drop]")) {
    place.hidden = false;
    show(place);
  }
}

const fieldOf = (place) => document.getElementById(place.dataset.pictureDrop);
const say = (place, words, wrong = false) => {
  const said = place.querySelector("[data-said]");
  said.textContent = words;
  said.classList.toggle("text-danger", wrong);
};

function show(place) {
  const address = fieldOf(place)?.value.trim() ?? "";
  const picture = place.querySelector("img");
  const usable = /^https?:\/\/[^{}]+$/.test(address);
  picture.hidden = !usable;
  if (usable && picture.getAttribute("src") !== address) picture.src = address;
}

/** What keeps a file from being sent, and what to do about it; empty where nothing does. */
function problem(file, most) {
  if (!KINDS.includes(file.type)) {
    const kind = file.name.includes(".") ? file.name.split(".").pop().toUpperCase() : "This";
    return `${kind} is not shown by mailboxes. Save it as PNG or JPEG, then try again.`;
  }
  if (file.size > most) {
    return `${(file.size / 1e6).toFixed(1)} MB is too large: ${most / 1e6} MB at most. Save it with 1,200 pixels in width, which is what e-mails show at most.`;
  }
  return "";
}

function send(asking, file) {
  // The form may be drawn anew meanwhile: the place is looked up when something is to be said.
  const id = asking.dataset.pictureDrop;
  let place = asking;
  const wrong = problem(file, Number(place.dataset.most));
  if (wrong) return say(place, wrong, true);
  const bar = place.querySelector("progress");
  const asked = new XMLHttpRequest();
  const form = new FormData();
  form.append("csrf_token", place.closest("form").elements.csrf_token.value);
  form.append("file", file);
  bar.hidden = false;
  bar.value = 0;
  say(place, `Sending ${file.name}…`);
  asked.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total;
  });
  asked.addEventListener("loadend", () => {
    bar.hidden = true;
    place = document.querySelector(`[data-picture-drop="${id}"]`) ?? asking;
    let answer = {};
    try {
      answer = JSON.parse(asked.responseText);
    } catch {
      // What stands between us and the server answers in words of its own.
    }
    if (asked.status === 200 && answer.url) return put(place, answer);
    say(place, answer.error ?? "It did not arrive. Check your connection, then drop it again.", true);
  });
  asked.open("POST", place.dataset.to);
  asked.setRequestHeader("Accept", "application/json");
  asked.send(form);
}

function put(place, picture) {
  const field = fieldOf(place);
  field.value = picture.url;
  for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
  show(place);
  const alt = document.getElementById(field.id.replace(/-url$/, "-alt"));
  const describe = alt && alt !== field && !alt.value ? " Say below what it shows." : "";
  const more = field.form.matches("#editor-form, [data-drawer-form]") ? describe : " Save to use it.";
  say(place, `“${picture.name}” is here, ${picture.width} × ${picture.height} pixels.${more}`);
}

const picturesIn = (data) => [...(data?.files ?? [])];
const holdsFiles = (data) => [...(data?.types ?? [])].includes("Files");
const bright = (place) => {
  for (const one of document.querySelectorAll(".is-dropped-on")) if (one !== place) one.classList.remove("is-dropped-on");
  place?.classList.add("is-dropped-on");
};
// Below the list of blocks a picture makes a block of its own.
let waiting = null;
const aroundOf = (target) => target.closest?.("[data-picture-drop]") ?? target.closest?.(".b-block, .picture-place")?.querySelector("[data-picture-drop]");

document.addEventListener("dragover", (event) => {
  if (!holdsFiles(event.dataTransfer) || !document.querySelector("[data-picture-drop], [data-picture-add]")) return;
  event.preventDefault(); // beside a place, too: else the browser would leave the page for the picture
  const place = aroundOf(event.target) ?? event.target.closest?.("[data-picture-add]");
  event.dataTransfer.dropEffect = place ? "copy" : "none";
  bright(place ?? null);
});
document.addEventListener("dragleave", (event) => event.relatedTarget || bright(null));
document.addEventListener("drop", (event) => {
  if (!holdsFiles(event.dataTransfer)) return;
  event.preventDefault();
  bright(null);
  take(event.target, picturesIn(event.dataTransfer)[0]);
});
document.addEventListener("paste", (event) => {
  const file = picturesIn(event.clipboardData)[0];
  if (file && take(event.target, file)) event.preventDefault();
});
document.addEventListener("change", (event) => {
  const place = event.target.matches("[data-picture-file]") && event.target.closest("[data-picture-drop]");
  if (place && event.target.files[0]) {
    send(place, event.target.files[0]);
    event.target.value = "";
  } else if (event.target.matches("[data-picture]")) {
    for (const one of document.querySelectorAll("[data-picture-drop]")) if (fieldOf(one) === event.target) show(one);
  }
});

function take(target, file) {
  if (!file) return false;
  const place = aroundOf(target);
  if (place) send(place, file);
  else if (target.closest?.("[data-picture-add]")) {
    waiting = file;
    document.querySelector('[data-picture-add] button[value="block:add:image"]')?.click();
  } else return false;
  return true;
}
document.addEventListener("htmx:afterSettle", (event) => {
  if (!waiting || !["editor-form", "builder"].includes(event.detail.elt?.id)) return;
  const places = document.querySelectorAll("[data-picture-drop]");
  const file = waiting;
  waiting = null;
  if (places.length) send(places[places.length - 1], file);
});
