"""Caddy before our server, configured as docs/deploy says."""

import shutil

from tests.interop.test_reverse_proxies import HOST, HTTPProxyTests, ProxyTestCase

# What Caddy does by itself must not reach beyond the test: its ports and its files.
SETTINGS = """
{{
    admin unix//{path}/admin
    auto_https disable_redirects
    default_bind 127.0.0.1
    skip_install_trust
    storage file_system {path}/storage
    servers {{
        protocols h1 h2
    }}
}}
"""


class RunsCaddy(ProxyTestCase):
    program = "caddy"
    file = "Caddyfile"
    started = "serving initial configuration"

    def command(self):
        settings = SETTINGS.format(path=self.path)
        text = (self.path / self.file).read_text()
        main = self.path / "main"
        main.write_text(settings + text.replace(f"\n{HOST} {{", f"\n{HOST}:{self.port} {{"))
        return shutil.which("caddy"), "run", "--adapter", "caddyfile", "--config", str(main)


class CaddyTests(HTTPProxyTests, RunsCaddy):
    # Caddy has no limit of silence on an open WebSocket.
    test_without_pings_it_is_cut = None
    # A reload ends them, see below.
    test_a_reload_loses_no_message_on_connections_that_are_open = None

    async def test_a_reload_ends_open_connections(self):
        await self.serve_behind()
        client, ws = await self.connect()
        program, _, *arguments = self.command()
        address = f"unix/{self.path}/admin"
        reloading = self.start(program, "reload", "--force", "--address", address, *arguments)
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        self.assertIn("expected a masked frame", str(await ws.ended))
        await reloading.ended
        self.assertEqual(reloading.status, 0, reloading.err)
        newcomer, _ = await self.connect()
        await self.assertEchoes(newcomer, "hello")
