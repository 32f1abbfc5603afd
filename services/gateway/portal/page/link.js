// Saves pasting the link: its secret stands behind the '#', which the browser does not send. It is taken out of the address bar.
const secret = location.hash.slice(1);
if (secret) {
  document.getElementById("secret").value = secret;
  history.replaceState(null, "", location.pathname);
}
