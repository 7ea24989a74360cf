// [data-time-zone] is told where the browser's clock stands, so that days begin and end there from the first page on.
for (const field of document.querySelectorAll("[data-time-zone]")) {
  field.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
