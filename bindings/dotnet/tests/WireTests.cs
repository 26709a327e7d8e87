using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Reflection;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

/// <summary>The handler over the runtime's own HTTP client, against a server that reads bytes.</summary>
public sealed class WireTests
{
    private const string Renewed = "{\"success\": true, \"apiToken\": \"new\"}";

    private static Auth KeyPair(Server server)
    {
        Auth auth = AuthTests.KeyPair();
        auth.SetApiPath(server.Origin + "/api");
        return auth;
    }

    private static Auth Token(Server server, string token = "old")
    {
        Auth auth = Auth.FromToken(token);
        auth.SetApiPath(server.Origin + "/api");
        return auth;
    }

    /// <summary>The clients of this runtime: HttpClientHandler, and SocketsHttpHandler where there is one.</summary>
    internal static IEnumerable<HttpMessageHandler> Transports()
    {
        yield return new HttpClientHandler { AllowAutoRedirect = false };
        Type sockets = typeof(HttpClient).Assembly.GetType("System.Net.Http.SocketsHttpHandler");
        if (sockets == null || !sockets.IsPublic)
            yield break;
        object handler = Activator.CreateInstance(sockets);
        using (Auth auth = AuthTests.KeyPair())
        {
            auth.SetApiPath("http://company.example");
            Check.Throws<InvalidOperationException>(() => new TcAuthHandler(auth, (HttpMessageHandler)handler));
        }
        sockets.GetProperty("AllowAutoRedirect").SetValue(handler, false);
        yield return (HttpMessageHandler)handler;
    }

    [Test]
    public async Task What_was_signed_is_what_arrives()
    {
        string[] targets =
        {
            "", "/", "?", "/?", "/a%7eb%7Eb~", "/a%2Fb%2fb%5C", "/x/../y", "/x/%2e%2e/y/%2E/z", "//a//b/", "/!'()*,;:@&=$",
            "/a?q=!'()*,;:@&=$/?", "/\u00e9\u20ac\U0001f600?q=\u00e9", "/%c3%a9", "/a%20b c?d%20e f+g", "/a+b?c+d", "/a[1-2]?b[]=[3]",
            "/{a}?{b}", "/a|b?c|d", "/a./b../c.../.d/.", "/a%00%01%7f%ff", "/%", "/%zz%2", "/a\"<>\\^`?\"<>\\^`", "/a?b?c", "/a#f?g",
            "/a?b#f", "/http://evil.example/a", "/a;p=1", "/a%25%32%46", "/\u202eb", "/a?x=%2B%26%3D%23", "/...?a=..//../b",
        };
        using (var server = new Server(request => Server.Response(200, "")))
        using (Auth auth = KeyPair(server))
        {
            foreach (HttpMessageHandler transport in Transports())
            {
                using (var client = new HttpClient(new TcAuthHandler(auth, transport)))
                {
                    foreach (string target in targets)
                    {
                        server.All.Clear();
                        string name = transport.GetType().Name + " " + target;
                        Check.Equal(HttpStatusCode.OK, (await client.GetAsync(server.Origin + target)).StatusCode, name);
                        Received got = server.All.Single();
                        string signed = got.Target.Split('#')[0]; // Mono sends the fragment, too, which no server should accept
                        auth.Verify(got.Method, signed, got["Authorization"], got["Timestamp"], TimeSpan.FromMinutes(1));
                    }
                }
            }
        }
    }

    [Test]
    public async Task A_token_arrives_as_it_is()
    {
        string token = new string(Enumerable.Range(0x21, 0x7f - 0x21).Select(code => (char)code).ToArray());
        using (var server = new Server(request => Server.Response(request["Authorization"] == "TC-Token new" ? 200 : 401,
            request.Target.StartsWith("/api/appAuth") ? Renewed : "")))
        using (Auth auth = Token(server, token))
        using (var client = new HttpClient(new TcAuthHandler(auth)))
        {
            await client.GetAsync(server.Origin + "/");
            Check.Equal("TC-Token " + token, server.All[0]["Authorization"]);
            Check.Equal("/api/appAuth?expiredToken=" + string.Concat(token.Select(c =>
                char.IsLetterOrDigit(c) || "-._~".IndexOf(c) >= 0 ? c.ToString() : "%" + ((int)c).ToString("X2"))), server.All[1].Target);
        }
    }

    [Test]
    public async Task Bodies_arrive_whole_and_twice()
    {
        byte[] body = Enumerable.Range(0, 300000).Select(i => (byte)(i * 7)).ToArray();
        using (var server = new Server(request => request.Target.StartsWith("/api/appAuth")
            ? Server.Response(200, Renewed)
            : Server.Response(request["Authorization"] == "TC-Token new" ? 200 : 401, new string('x', 100000))))
        {
            foreach (HttpMessageHandler transport in Transports())
            {
                using (Auth auth = Token(server))
                using (var client = new HttpClient(new TcAuthHandler(auth, transport)))
                {
                    foreach (HttpContent content in new HttpContent[] { new ByteArrayContent(body), new StreamContent(new MemoryStream(body)) })
                    {
                        server.All.Clear();
                        auth.UpdateToken("old");
                        HttpResponseMessage response = await client.PutAsync(server.Origin + "/api/v3/documents", content);
                        Check.Equal(HttpStatusCode.OK, response.StatusCode);
                        Check.Equal(100000, (await response.Content.ReadAsStringAsync()).Length);
                        Check.Equal("PUT GET PUT", string.Join(" ", server.All.Select(request => request.Method)));
                        Check.True(server.All[0].Body.SequenceEqual(body) && server.All[2].Body.SequenceEqual(body), "bodies");
                    }
                    server.All.Clear();
                    auth.UpdateToken("old");
                    var once = new StreamContent(new HandlerTests.Unseekable(100000));
                    HttpResponseMessage refused = await client.PostAsync(server.Origin + "/api/v3/documents", once);
                    Check.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
                    Check.Equal(100000, (await refused.Content.ReadAsStringAsync()).Length);
                    Check.Equal(100000, server.All.Single().Body.Length);
                }
            }
        }
    }

    [Test]
    public async Task A_redirect_is_handed_to_the_caller()
    {
        using (var server = new Server(request => Server.Response(302, "", "Location: /api/elsewhere\r\n")))
        using (Auth auth = KeyPair(server))
        using (var client = new HttpClient(new TcAuthHandler(auth)))
        {
            Check.Equal(302, (int)(await client.GetAsync(server.Origin + "/api")).StatusCode);
            Check.Equal(1, server.All.Count);
        }
    }

    /// <summary>HTTP clients repeat a GET if the kept connection turns out to be dead: this one must not be.</summary>
    [Test]
    public async Task A_renewal_is_sent_once_even_if_the_connection_is_dropped()
    {
        using (var server = new Server(request => request.Target.StartsWith("/api/appAuth") ? null
            : Server.Response(request.Target == "/api/refuse" ? 401 : 200, "")))
        {
            foreach (HttpMessageHandler transport in Transports())
            {
                string name = transport.GetType().Name;
                server.All.Clear();
                using (Auth auth = Token(server))
                {
                    var handler = new TcAuthHandler(auth, transport);
                    string seen = "";
                    handler.RenewalFinished += (sender, e) => seen += e.Status + e.Message;
                    using (var client = new HttpClient(handler))
                    {
                        for (int i = 0; i < 3; i++)
                            await (await client.GetAsync(server.Origin + "/api/ok")).Content.ReadAsStringAsync();
                        Check.Equal(1, server.All.Select(request => request.Connection).Distinct().Count(), name + ", kept");
                        Check.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync(server.Origin + "/api/refuse")).StatusCode);
                        Received renewal = server.All.Single(request => request.Target.StartsWith("/api/appAuth"));
                        Check.Equal(null, renewal["Authorization"], name);
                        Check.True(renewal.Connection != server.All[0].Connection, name + ", a connection of its own");
                        Check.Equal("IOException", seen, name);
                    }
                }
            }
        }
    }

    [Test]
    public async Task A_renewal_takes_the_way_of_the_requests()
    {
        using (var proxy = new Server(request => request.Target.Contains("/appAuth?") ? Server.Response(200, Renewed)
            : Server.Response(request["Authorization"] == "TC-Token new" ? 200 : 401, "")))
        using (Auth auth = Auth.FromToken("old"))
        {
            auth.SetApiPath("http://company.example/api");
            foreach (HttpMessageHandler inner in Transports())
            {
                auth.UpdateToken("old");
                proxy.All.Clear();
                inner.GetType().GetProperty("Proxy").SetValue(inner, new WebProxy(proxy.Origin));
                using (var client = new HttpClient(new TcAuthHandler(auth, inner)))
                    Check.Equal(HttpStatusCode.OK, (await client.GetAsync("http://company.example/api/v3")).StatusCode);
                Check.Equal("http://company.example/api/appAuth?expiredToken=old", proxy.All[1].Target);
            }
        }
        using (var server = new Server(request => request.Target.StartsWith("/api/appAuth") ? Server.Response(200, Renewed)
            : Server.Response(request["Authorization"] == "TC-Token new" ? 200 : 401, "")))
        using (Auth auth = Token(server))
        {
            var derived = new Derived { AllowAutoRedirect = false };
            string events = "";
            var handler = new TcAuthHandler(auth, derived);
            handler.RenewalFinished += (sender, e) => events += e.Status + e.Message;
            using (var client = new HttpClient(handler))
                await client.GetAsync(server.Origin + "/api/v3");
            Check.True(derived.SawRenewal, "the derived handler is not passed by");
            Check.Equal("Ok", events);
        }
    }

    [Test]
    public void A_renewal_uses_the_settings_of_a_SocketsHttpHandler()
    {
        foreach (HttpMessageHandler original in Transports().Skip(1))
        {
            Type type = original.GetType();
            type.GetProperty("Proxy").SetValue(original, new WebProxy("http://127.0.0.1:1"));
            type.GetProperty("DefaultProxyCredentials").SetValue(original, new NetworkCredential("user", "password"));
            type.GetProperty("Credentials").SetValue(original, new NetworkCredential("user", "password"));
            type.GetProperty("AutomaticDecompression").SetValue(original, DecompressionMethods.GZip);
            type.GetProperty("ConnectTimeout").SetValue(original, TimeSpan.FromSeconds(7));
            var twin = (HttpMessageHandler)typeof(TcAuthHandler).GetMethod("TwinOfSockets", BindingFlags.NonPublic | BindingFlags.Static)
                .Invoke(null, new object[] { original });
            foreach (string name in new[] { "Proxy", "DefaultProxyCredentials", "SslOptions", "UseProxy", "ConnectTimeout", "AllowAutoRedirect" })
                Check.Equal(type.GetProperty(name).GetValue(original), type.GetProperty(name).GetValue(twin), name);
            Check.Equal(null, type.GetProperty("Credentials").GetValue(twin));
            Check.Equal<object>(DecompressionMethods.None, type.GetProperty("AutomaticDecompression").GetValue(twin));
            Check.Equal<object>(false, type.GetProperty("UseCookies").GetValue(twin));
        }
    }

    private sealed class Derived : HttpClientHandler
    {
        internal bool SawRenewal;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            SawRenewal |= request.RequestUri.AbsolutePath == "/api/appAuth";
            return base.SendAsync(request, cancellationToken);
        }
    }

    [Test]
    public async Task Many_requests_share_one_renewal()
    {
        using (var server = new Server(request =>
        {
            if (!request.Target.StartsWith("/api/appAuth"))
                return Server.Response(request["Authorization"] == "TC-Token new" ? 200 : 401, "");
            Thread.Sleep(300);
            return Server.Response(200, Renewed);
        }))
        using (Auth auth = Auth.FromToken("old", DateTimeOffset.UtcNow.AddSeconds(-1)))
        {
            auth.SetApiPath(server.Origin + "/api");
            using (var client = new HttpClient(new TcAuthHandler(auth)))
            {
                HttpResponseMessage[] responses = await Task.WhenAll(
                    Enumerable.Range(0, 20).Select(i => client.GetAsync(server.Origin + "/api/" + i)));
                Check.True(responses.All(response => response.StatusCode == HttpStatusCode.OK), "all 200");
                Check.Equal(21, server.All.Count);
                Check.True(server.All[0].Target.StartsWith("/api/appAuth"), "the renewal comes first");
            }
        }
    }

    [Test]
    public async Task A_renewal_redirect_is_not_followed_and_a_long_answer_is_cut()
    {
        string answer = null;
        using (var server = new Server(request => request.Target.StartsWith("/api/appAuth") ? answer : Server.Response(401, "")))
        {
            foreach (string bad in new[]
                { Server.Response(302, "", "Location: /api/elsewhere\r\n"), Server.Response(200, new string(' ', 1024 * 1024) + Renewed) })
            {
                answer = bad;
                server.All.Clear();
                using (Auth auth = Token(server))
                {
                    var handler = new TcAuthHandler(auth);
                    string seen = "";
                    handler.RenewalFinished += (sender, e) => seen += e.Status;
                    using (var client = new HttpClient(handler))
                        await client.GetAsync(server.Origin + "/api");
                    Check.Equal("RenewalBadResponse", seen);
                    Check.Equal(0, server.All.Count(request => request.Target == "/api/elsewhere"));
                }
            }
        }
    }
}
