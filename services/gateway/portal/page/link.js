// Saves pasting the link: its secret stands behind the '#', which the browser does not send. It is taken out of the address bar.
function take() {
  const secret = location.hash.slice(1);
  if (secret) {
    document.getElementById("secret").value = secret;
    document.getElementById("paste").hidden = true;
    document.getElementById("enter").focus();
    history.replaceState(null, "", location.pathname);
  }
}
take();
addEventListener("hashchange", take); // another link, pasted over this one: that loads no page
