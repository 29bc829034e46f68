// Entry point of every page's script. No inline script anywhere: the Content-Security-Policy forbids it.
// Everything here enhances pages that work without it.
import "htmx.org";
import "@tabler/core/dist/js/tabler.esm.min.js";
import "./behaviour/announce.js";
import "./behaviour/bulk.js";
import "./behaviour/dialogs.js";
import "./behaviour/failures.js";
import "./behaviour/forms.js";
import "./behaviour/palette.js";
import "./behaviour/sheets.js";
import "./behaviour/shortcuts.js";
import "./behaviour/theme.js";
import "./behaviour/ticking.js";
import "./behaviour/toasts.js";
