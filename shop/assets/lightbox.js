// Opens the provider's page in a frame over this one, by the provider's own script. Whatever the frame says is no proof: when it
// closes, the hub asks the provider. Where it cannot open, the browser is sent to the provider's page instead.
(function () {
  'use strict';

  var PATIENCE_MS = 8000;
  var place = document.getElementById('lightbox');
  var gone = false;

  function leave(url) {
    if (!gone) {
      gone = true;
      window.location.replace(url);
    }
  }

  function open() {
    if (gone) {
      return;
    }
    if (!window.P) {
      leave(place.dataset.pay);
      return;
    }
    window.P.on('response', function () {
      document.getElementById('lightbox-asking').hidden = false;
    });
    window.P.on('close', function () { leave(place.dataset.back); });
    // In Safari and on iOS the script goes to the provider's page by itself.
    window.P.init(place.dataset.pay, { opacity: 0.7, backupTarget: 'self' });
  }

  var script = document.createElement('script');
  script.onload = open;
  script.onerror = function () { leave(place.dataset.pay); };
  script.src = place.dataset.script;
  document.head.appendChild(script);
  window.setTimeout(function () {
    if (!window.P) {
      leave(place.dataset.pay);
    }
  }, PATIENCE_MS);
})();
