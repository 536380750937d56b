// The lightbox of PlacetoPay Checkout, simulated: the calls and messages that the provider's own script has.
//
//   P.init(processUrl, { opacity: 0.7, backupTarget: 'self' });
//   P.on('response', function (notification) { … });
//   P.on('close', function (notification) { … });
//
// Where a page of another site cannot live in a frame (Safari, iOS), the payer is redirected instead.
(function () {
  'use strict';

  var FRAME = 'placetopay_lightbox';
  var OPACITY = 0.7;
  var handlers = {};
  var origin = null;
  var lastResponse = null;

  function emit(event, payload) {
    (handlers[event] || []).forEach(function (handler) { handler(payload); });
  }

  function isWithoutFrames(agent) {
    var isApple = /iPad|iPhone|iPod/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1);
    var isSafari = /Safari\//.test(agent) && !/Chrome\/|Chromium\/|CriOS\/|FxiOS\/|EdgiOS\/|Android/.test(agent);
    return isApple || isSafari;
  }

  function leave(url, target) {
    if (window.parent !== window) {
      window.parent.postMessage({ type: 'placetopay-lightbox:redirect', url: url }, '*');
    } else if (target === 'popup') {
      window.open(url, 'placetopay', 'width=480,height=720');
    } else if (target === 'blank') {
      window.open(url, '_blank');
    } else {
      window.location.assign(url);
    }
  }

  function style(element, rules) {
    Object.keys(rules).forEach(function (name) { element.style[name] = rules[name]; });
  }

  function build(url, opacity) {
    var cover = document.createElement('div');
    cover.id = FRAME + '_cover';
    style(cover, {
      position: 'fixed', top: '0', right: '0', bottom: '0', left: '0', zIndex: '2147483000',
      background: 'rgba(12, 24, 38, ' + opacity + ')'
    });
    var frame = document.createElement('iframe');
    frame.id = FRAME;
    frame.title = 'Aval Pay';
    frame.src = url;
    style(frame, {
      position: 'absolute', top: '2rem', left: '50%', width: 'min(60rem, 94vw)', height: 'calc(100% - 4rem)',
      transform: 'translateX(-50%)', border: '0', borderRadius: '0.75rem', background: '#ffffff'
    });
    var button = document.createElement('button');
    button.id = FRAME + '_close';
    button.type = 'button';
    button.setAttribute('aria-label', 'Cerrar');
    button.textContent = '\u00d7';
    style(button, {
      position: 'absolute', top: '0.25rem', right: '0.75rem', border: '0', background: 'transparent',
      color: '#ffffff', fontSize: '1.75rem', lineHeight: '1', cursor: 'pointer'
    });
    button.addEventListener('click', close);
    cover.appendChild(frame);
    cover.appendChild(button);
    return cover;
  }

  function close() {
    var cover = document.getElementById(FRAME + '_cover');
    if (cover) {
      cover.remove();
      window.removeEventListener('message', hear);
      emit('close', lastResponse);
    }
  }

  function hear(event) {
    var frame = document.getElementById(FRAME);
    var said = event.data;
    if (!frame || event.source !== frame.contentWindow || event.origin !== origin || !said || !said.type) {
      return;
    }
    switch (said.type) {
      case 'close':
        lastResponse = said.payload || lastResponse;
        close();
        break;
      case 'closeByUser':
        close();
        break;
      case 'hideCloseButton':
        document.getElementById(FRAME + '_close').hidden = true;
        break;
      case 'updateStyles':
        style(frame, said.payload || {});
        break;
      default:
        lastResponse = said.payload;
        emit(said.type, said.payload);
        if (!said.preventClose) {
          close();
        }
    }
  }

  function init(processUrl, options) {
    var wanted = options || {};
    if (isWithoutFrames(navigator.userAgent)) {
      leave(processUrl, wanted.backupTarget || 'self');
      return;
    }
    close();
    origin = new URL(processUrl, window.location.href).origin;
    lastResponse = null;
    window.addEventListener('message', hear);
    document.body.appendChild(build(processUrl, wanted.opacity === undefined ? OPACITY : wanted.opacity));
  }

  function on(event, handler) {
    (handlers[event] = handlers[event] || []).push(handler);
  }

  window.P = { init: init, on: on };
})();
