// One report at a time, if there are several; the links work without this.
(function () {
  var articles = Array.from(document.querySelectorAll("article"));
  var links = Array.from(document.querySelectorAll("nav a"));
  if (articles.length < 2) return;
  function show() {
    var wanted = articles.find(function (one) { return "#" + one.id === location.hash; }) || articles[0];
    articles.forEach(function (one) { one.hidden = one !== wanted; });
    links.forEach(function (link) {
      if (link.getAttribute("href") === "#" + wanted.id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
  }
  window.addEventListener("hashchange", show);
  show();
})();
