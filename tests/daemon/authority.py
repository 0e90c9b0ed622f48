"""A certificate authority for tests, made with openssl."""

import ssl
import subprocess


class Authority:
    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.certificate = folder / f"{name}.crt"
        self.key = folder / f"{name}.key"
        self._openssl("req", "-x509", *NEW_KEY, "-keyout", self.key, "-out", self.certificate, "-days", "2", "-subj",
                      f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign", "-addext",
                      "basicConstraints=critical,CA:true")

    def issue(self, name, serial):
        """Returns the files of a certificate for loopback and of its key."""
        certificate, key, request = (self.folder / f"{name}-{serial}.{kind}" for kind in ("crt", "key", "csr"))
        self._openssl("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}", "-addext",
                      "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-out", certificate,
                      "-days", "1", "-set_serial", serial, "-copy_extensions", "copy")
        key.chmod(0o600)
        return certificate, key

    def context(self, identity=None):
        """A client's context that trusts this authority; `identity` is what issue() returned."""
        context = ssl.create_default_context(cafile=self.certificate)
        if identity:
            context.load_cert_chain(*identity)
        return context

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
