// [data-schema]: shows the OpenAPI document at that address; scripts come in order, so Swagger UI is there by now.
const box = document.querySelector("[data-schema]");

window.SwaggerUIBundle({
  domNode: box,
  url: box.dataset.schema,
  deepLinking: true,
  docExpansion: "list",
  // What the address bar says must not choose what is shown.
  queryConfigEnabled: false,
  // A public service would be asked otherwise.
  validatorUrl: null,
  persistAuthorization: false,
});
