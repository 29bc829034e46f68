// The API's documentation: Swagger UI draws /api/openapi.json; its colours follow the page's.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";

const root = document.documentElement;
const place = document.querySelector("[data-openapi]");
const nothing = () => null;

const paint = () => root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark");
paint();
new MutationObserver(paint).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });

SwaggerUI({
  url: place.dataset.openapi,
  domNode: place,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  defaultModelExpandDepth: 3,
  displayRequestDuration: true,
  persistAuthorization: false,
  syntaxHighlight: { activated: false },
  validatorUrl: null,
  plugins: [
    () => ({
      wrapComponents: {
        // The page has its own heading and introduction, and there is one server: this one.
        InfoContainer: () => nothing,
        ServersContainer: () => nothing,
        // A button inside the button that opens an operation: not for keyboards, nor for screen readers.
        authorizeOperationBtn: () => nothing,
        CopyToClipboardBtn: () => nothing,
        DarkModeToggle: () => nothing,
      },
    }),
  ],
});
