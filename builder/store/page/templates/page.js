(function () {
  "use strict";

  // Commands name the store by the address at which the reader found it.
  function quote(text) {
    return /^[\w@%+=:,.\/~-]+$/.test(text) ? text : "'" + text.replace(/'/g, "'\\''") + "'";
  }
  function fill(name, text) {
    document.querySelectorAll(name).forEach(function (place) { place.textContent = quote(text); });
  }
  var root = new URL(document.body.dataset.root, location.href.split(/[?#]/)[0]);
  var url = root.href.replace(/\/$/, "");
  fill(".url", url);
  fill("pre .store", root.protocol === "file:" ? decodeURIComponent(root.pathname).replace(/\/$/, "") : url);

  var search = document.querySelector(".search");
  if (!search) return;
  var rows = Array.from(document.querySelectorAll(".list tbody tr"));
  var count = document.getElementById("count");
  var all = count.textContent;
  search.hidden = false;
  search.querySelector("input").addEventListener("input", function (event) {
    var wanted = event.target.value.trim().toLowerCase();
    var shown = 0;
    rows.forEach(function (row) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    });
    count.textContent = wanted ? shown + " of " + all : all;
  });
})();
