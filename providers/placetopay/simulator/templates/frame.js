// Loaded by the hosted page when it stands in a lightbox, and only then: tells the merchant's page how the session ended.
(function () {
  'use strict';
  var message = document.body.getAttribute('data-lightbox');
  if (message && window.parent !== window) {
    // The merchant's page may be anywhere, and what is said here proves nothing: it is a reason to ask.
    window.parent.postMessage(JSON.parse(message), '*');
  }
})();
