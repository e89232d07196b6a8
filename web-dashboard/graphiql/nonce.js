// What lets GraphiQL's dialogs add their style sheets; read by the library that
// makes them.
window.__webpack_nonce__ = document.querySelector('meta[name=nonce]').content;
