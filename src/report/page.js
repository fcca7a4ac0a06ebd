// One report at a time, if there are several. Without this all of them are there, and the links lead to them.
(function () {
  var articles = Array.from(document.querySelectorAll("article"));
  var list = document.querySelector("header nav > ul");
  if (!list) return;
  var select = document.createElement("select");
  list.querySelectorAll(":scope > li").forEach(function (group) {
    var options = document.createElement("optgroup");
    options.label = group.firstChild.data.trim();
    group.querySelectorAll("a").forEach(function (link) {
      var option = document.createElement("option");
      option.value = link.hash.slice(1);
      option.text = options.label + ", " + link.text;
      options.append(option);
    });
    select.append(options);
  });
  var label = document.createElement("label");
  label.append("Report ", select);
  list.replaceWith(label);
  function show() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    var wanted = (target && target.closest("article")) || articles[0];
    articles.forEach(function (one) { one.hidden = one !== wanted; });
    select.value = wanted.id;
    if (target && document.activeElement !== select) {
      target.scrollIntoView();
      (target === wanted ? target.querySelector("h2") : target).focus({ preventScroll: true });
    }
  }
  select.addEventListener("change", function () { location.hash = select.value; });
  window.addEventListener("hashchange", show);
  show();
})();
