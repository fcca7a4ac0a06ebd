// Reads the GIF of the page and shows it with a slider. Without this script the GIF plays by itself.
(function () {
  "use strict";
  var picture = document.getElementById("picture");
  var figure = document.getElementById("film");
  var numbers = document.getElementById("numbers");

  function bytesOf(address) {
    var text = atob(address.slice(address.indexOf(",") + 1));
    var bytes = new Uint8Array(text.length);
    for (var at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    return bytes;
  }

  // The colours, and where the data of each frame lies.
  function parse(bytes) {
    var colors = 3 * (2 << (bytes[10] & 7));
    var film = {
      bytes: bytes,
      width: bytes[6] | bytes[7] << 8,
      height: bytes[8] | bytes[9] << 8,
      palette: bytes.subarray(13, 13 + colors),
      frames: [],
      delay: 5,
    };
    var at = 13 + colors;
    var same = -1;
    while (bytes[at] !== 0x3b && at < bytes.length) {
      if (bytes[at] === 0x21) {
        if (bytes[at + 1] === 0xf9) {
          same = bytes[at + 3] & 1 ? bytes[at + 6] : -1;
          if (film.frames.length === 0) film.delay = bytes[at + 4] | bytes[at + 5] << 8;
        }
        at += 2;
      } else {
        film.frames.push({ at: at + 10, same: same });
        at += 11;
      }
      while (bytes[at] !== 0) at += bytes[at] + 1;
      at += 1;
    }
    return film;
  }

  // Puts what is new in a frame over the numbers of colours of the one before.
  function unpack(film, frame, dots) {
    var bytes = film.bytes, at = frame.at, same = frame.same;
    var least = bytes[at++], clear = 1 << least, end = clear + 1;
    var prefix = new Int32Array(4096), suffix = new Uint8Array(4096), length = new Int32Array(4096);
    var size = least + 1, next = end + 1, last = -1;
    var block = bytes[at++], bits = 0, held = 0, dot = 0, first = 0;
    for (var code = 0; code < clear; code++) { suffix[code] = code; length[code] = 1; }
    while (block > 0 && dot < dots.length) {
      while (held < size) {
        if (block === 0) return;
        bits |= bytes[at++] << held;
        held += 8;
        if (--block === 0) block = bytes[at++];
      }
      var now = bits & ((1 << size) - 1);
      bits >>>= size;
      held -= size;
      if (now === clear) { size = least + 1; next = end + 1; last = -1; continue; }
      if (now === end) return;
      var walk = now, place;
      if (last < 0) {
        place = dot + 1;
      } else {
        if (next < 4096) { prefix[next] = last; length[next] = length[last] + 1; }
        place = dot + (now < next ? length[now] : length[last] + 1);
        if (now >= next) walk = last;
      }
      var to = place - 1;
      if (last >= 0 && now >= next) to--;
      for (; to >= dot; to--) {
        var color = suffix[walk];
        if (color !== same) dots[to] = color;
        first = color;
        walk = prefix[walk];
      }
      if (last >= 0) {
        if (now >= next && first !== same) dots[place - 1] = first;
        if (next < 4096) {
          suffix[next] = first;
          next++;
          if (next === 1 << size && size < 12) size++;
        }
      }
      last = now;
      dot = place;
    }
  }

  var film;
  try { film = parse(bytesOf(picture.src)); } catch (error) { return; }
  if (film.frames.length < 2) return;

  // Of every twentieth frame the dots are kept, so that the slider goes back without a delay.
  var STRIDE = 20, kept = [], shown = -1, dots = new Uint8Array(film.width * film.height);
  var canvas = document.createElement("canvas");
  canvas.width = film.width;
  canvas.height = film.height;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", picture.alt);
  var pen = canvas.getContext("2d"), image = pen.createImageData(film.width, film.height);

  function reach(frame) {
    if (frame <= shown || shown < 0) {
      var base = Math.floor(frame / STRIDE);
      while (base > 0 && !kept[base]) base--;
      if (kept[base]) { dots.set(kept[base]); shown = base * STRIDE; } else { dots.fill(0); shown = -1; }
    }
    while (shown < frame) {
      shown++;
      unpack(film, film.frames[shown], dots);
      if (shown % STRIDE === 0 && !kept[shown / STRIDE]) kept[shown / STRIDE] = dots.slice();
    }
  }

  function draw(frame) {
    reach(frame);
    var data = image.data, palette = film.palette;
    for (var dot = 0; dot < dots.length; dot++) {
      var color = 3 * dots[dot];
      data[4 * dot] = palette[color];
      data[4 * dot + 1] = palette[color + 1];
      data[4 * dot + 2] = palette[color + 2];
      data[4 * dot + 3] = 255;
    }
    pen.putImageData(image, 0, 0);
    var row = numbers.rows[frame];
    var words = row ? row.cells[0].textContent + ": " + row.cells[2].textContent + " present" : "";
    slider.value = frame;
    slider.setAttribute("aria-valuetext", words);
    time.textContent = row ? row.cells[0].textContent : "";
  }

  function element(name, values) {
    var made = document.createElement(name);
    for (var value in values) made[value] = values[value];
    return made;
  }

  var controls = element("div", { className: "controls" });
  var play = element("button", { type: "button", textContent: "Play" });
  var slider = element("input", { type: "range", min: 0, max: film.frames.length - 1, value: 0, step: 1 });
  slider.setAttribute("aria-label", "Frame");
  var time = element("output", {});
  var speed = element("select", {});
  speed.setAttribute("aria-label", "Speed");
  ["0.25", "0.5", "1", "2", "4"].forEach(function (factor) {
    speed.appendChild(element("option", { value: factor, textContent: factor + " ×", selected: factor === "1" }));
  });
  [play, slider, time, speed].forEach(function (part) { controls.appendChild(part); });

  var timer = 0;
  function stop() {
    clearTimeout(timer);
    timer = 0;
    play.textContent = "Play";
  }
  function step() {
    if (shown + 1 >= film.frames.length) { stop(); return; }
    draw(shown + 1);
    timer = setTimeout(step, 10 * film.delay / Number(speed.value));
  }
  play.addEventListener("click", function () {
    if (timer) { stop(); return; }
    if (shown + 1 >= film.frames.length) draw(0);
    play.textContent = "Pause";
    step();
  });
  slider.addEventListener("input", function () { stop(); draw(Number(slider.value)); });

  figure.replaceChild(canvas, picture);
  figure.appendChild(controls);
  draw(0);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play.click();
})();
