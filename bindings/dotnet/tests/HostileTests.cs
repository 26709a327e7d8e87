using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

/// <summary>The handler against servers that break the rules of HTTP.</summary>
public sealed class HostileTests
{
    private const string Renewed = "{\"success\": true, \"apiToken\": \"fresh-token\"}";
    private const string Refused = "{\"success\": false, \"message\": \"Token is invalid\"}";
    private const string Old = "API:7:old-token";
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(50); // for what must come at once

    /// <summary>
    /// Answers the renewal as the test says, on a connection that stays open until the client closes it; other requests
    /// with 401, or 200 once they have the new token.
    /// </summary>
    private sealed class HostileServer : IDisposable
    {
        private readonly TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
        private readonly Action<Stream> renewal;
        private readonly Action<Stream> refusal;
        private int connections;

        internal readonly List<Received> All = new List<Received>();
        internal readonly TaskCompletionSource<bool> Closed =
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously); // the renewal's connection

        internal HostileServer(Action<Stream> renewal, Action<Stream> refusal = null)
        {
            this.renewal = renewal;
            this.refusal = refusal ?? (stream => Write(stream, Server.Response(401, "")));
            listener.Start();
            Accept();
        }

        internal string Origin => "http://127.0.0.1:" + ((IPEndPoint)listener.LocalEndpoint).Port;

        internal Received[] Renewals
        {
            get
            {
                lock (All)
                    return All.Where(request => request.Target.Contains("/appAuth")).ToArray();
            }
        }

        public void Dispose() => listener.Stop();

        private async void Accept()
        {
            try
            {
                for (;;)
                {
                    TcpClient client = await listener.AcceptTcpClientAsync().ConfigureAwait(false);
                    int number = ++connections;
                    new Thread(() => Serve(client, number)) { IsBackground = true }.Start();
                }
            }
            catch (Exception e) when (e is SocketException || e is InvalidOperationException) // stopped
            {
            }
        }

        private void Serve(TcpClient client, int number)
        {
            bool renewing = false;
            try
            {
                using (client)
                {
                    client.NoDelay = true;
                    Stream stream = client.GetStream();
                    for (Received request; (request = Server.Read(stream)) != null;)
                    {
                        request.Connection = number;
                        lock (All)
                            All.Add(request);
                        if (request.Target.Contains("/appAuth"))
                        {
                            renewing = true;
                            renewal(stream);
                        }
                        else if (request["Authorization"] == "TC-Token fresh-token")
                            Write(stream, Server.Response(200, "done"));
                        else
                            refusal(stream);
                    }
                }
            }
            catch (Exception e) when (e is IOException || e is ObjectDisposedException || e is SocketException)
            {
            }
            if (renewing)
                Closed.TrySetResult(true);
        }
    }

    private static void Write(Stream stream, string text) => Write(stream, Encoding.GetEncoding(28591).GetBytes(text));

    private static void Write(Stream stream, byte[] bytes) => stream.Write(bytes, 0, bytes.Length);

    private static void Close(Stream stream) => stream.Dispose();

    /// <summary>Closes the connection with a reset.</summary>
    private static void Reset(Stream stream, int delay = 0)
    {
        var socket = (Socket)typeof(NetworkStream).GetProperty("Socket", BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Instance)
            .GetValue(stream);
        Thread.Sleep(delay); // what the client has not read by then is lost
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    /// <summary>The same without end, until the client closes the connection.</summary>
    private static void Repeat(Stream stream, byte[] bytes, int pause = 0)
    {
        for (;;)
        {
            Write(stream, bytes);
            Thread.Sleep(pause);
        }
    }

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);

    private static string Chunked(string body) =>
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body.Length.ToString("x") + "\r\n" + body + "\r\n";

    private static string Declared(string body, long length, int status = 200) =>
        $"HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n\r\n{body}";

    private static byte[] Gzip(byte[] body)
    {
        var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionMode.Compress))
            gzip.Write(body, 0, body.Length);
        return zipped.ToArray();
    }

    /// <summary>The tests' only way to short timeouts.</summary>
    private static void Shorten(TcAuthHandler handler, string timeout, double seconds) =>
        typeof(TcAuthHandler).GetField(timeout, BindingFlags.NonPublic | BindingFlags.Instance)
            .SetValue(handler, TimeSpan.FromSeconds(seconds));

    private static Auth Token(string origin)
    {
        Auth auth = Auth.FromToken(Old);
        auth.SetApiPath(origin + "/api");
        return auth;
    }

    private static HttpClientHandler Plain() => new HttpClientHandler { AllowAutoRedirect = false };

    /// <summary>Not the runtime's own class, so it sends the renewal itself.</summary>
    private sealed class Derived : HttpClientHandler
    {
    }

    private static async Task<T> Soon<T>(Task<T> task, string what)
    {
        if (await Task.WhenAny(task, Task.Delay(Long)) != task)
            throw new TimeoutException(what + " takes too long");
        return await task;
    }

    /// <summary>
    /// One request whose token is refused, and one renewal. The event says <paramref name="told"/>: a status, or
    /// "none" and anything if there was no answer.
    /// </summary>
    private static async Task RenewAsync(
        string name, string told, Action<Stream> renewal, double timeout = 30, HttpMessageHandler inner = null, bool closed = true)
    {
        using (var server = new HostileServer(renewal))
        using (Auth auth = Token(server.Origin))
        {
            var events = new List<string>();
            var handler = new TcAuthHandler(auth, inner ?? Plain());
            Shorten(handler, "renewalTimeout", timeout);
            handler.RenewalFinished += (sender, e) =>
            {
                lock (events)
                    events.Add($"{e.Status?.ToString() ?? "none"} {e.Message}");
            };
            using (var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan })
            {
                HttpResponseMessage response = await Soon(client.GetAsync(server.Origin + "/api/v3"), name);
                bool adopted = told == "Ok";
                string what = name + ": " + string.Join(", ", events);
                Check.Equal(adopted ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, response.StatusCode, what);
                if (told != "RenewalRefused")
                    Check.Equal(adopted ? "fresh-token" : Old, auth.GetToken().GetValue(), what);
                Check.Equal(1, server.Renewals.Length, what);
                Check.Equal(told, events.Single().Split(' ')[0], what);
                foreach (string secret in new[] { "old-token", "fresh-token", "appAuth" })
                    Check.True(events[0].IndexOf(secret, StringComparison.Ordinal) < 0, what);
                Check.True(server.Renewals[0].Connection != server.All[0].Connection || inner is Derived, what + ", its own connection");
                if (closed)
                    await Soon(server.Closed.Task, name + ": closing the connection");
            }
        }
    }

    /// <summary>The server has killed the old token: an answer that came whole must not be lost.</summary>
    [Test]
    public async Task A_renewals_answer_is_used_although_its_transfer_ends_badly()
    {
        int length = Renewed.Length;
        await RenewAsync("no last chunk", "Ok", stream => { Write(stream, Chunked(Renewed)); Close(stream); });
        await RenewAsync("bad trailer", "Ok", stream => { Write(stream, Chunked(Renewed) + "0\r\n\x01: \x02\r\n\r\n"); Close(stream); });
        await RenewAsync("bad chunk", "Ok", stream => { Write(stream, Chunked(Renewed) + "zz\r\n"); Close(stream); });
        await RenewAsync("one too long", "Ok", stream => { Write(stream, Declared(Renewed, length + 1)); Close(stream); });
        await RenewAsync("reset", "Ok", stream => { Write(stream, Declared(Renewed, length + 9)); Reset(stream, 500); });
        await RenewAsync("refused and cut", "RenewalRefused", stream => { Write(stream, Declared(Refused, 999, 401)); Close(stream); });
        await RenewAsync("one too short", "RenewalBadResponse", stream => Write(stream, Declared(Renewed, length - 1)));
        await RenewAsync("cut", "none", stream => { Write(stream, Declared(Renewed.Substring(5), length)); Close(stream); });
        await RenewAsync("reset in the middle", "none", stream => { Write(stream, Declared(Renewed.Substring(0, 9), length)); Reset(stream); });
    }

    [Test]
    public async Task A_renewals_answer_is_used_exactly_if_it_came_whole()
    {
        foreach (string good in new[] { Declared(Renewed, Renewed.Length), Chunked(Renewed) + "0\r\n\r\n" })
        {
            int whole = good.IndexOf(Renewed, StringComparison.Ordinal) + Renewed.Length;
            int cut = 0;
            Func<int> next = () => Interlocked.Increment(ref cut) <= good.Length ? cut : 0;
            for (int length; (length = next()) != 0;)
            {
                await RenewAsync("cut at " + length, length >= whole ? "Ok" : "none",
                    stream => { Write(stream, good.Substring(0, length)); Close(stream); });
            }
        }
    }

    [Test]
    public async Task A_renewal_ends_whatever_the_server_does()
    {
        var zeros = new byte[65536];
        byte[] spaces = Ascii(new string(' ', 65536));
        const double Short = 2;
        // mono takes the first 1xx for the response.
        string interim = Type.GetType("Mono.Runtime") == null ? "none" : "RenewalBadResponse";
        await Task.WhenAll(
            RenewAsync("silence", "none", stream => { }, Short),
            RenewAsync("headers without end", "none", stream => { Write(stream, "HTTP/1.1 200 OK\r\n"); Repeat(stream, Ascii("A: b\r\n")); }, Short),
            RenewAsync("100 without end", interim, stream => Repeat(stream, Ascii("HTTP/1.1 100 Continue\r\n\r\n")), Short),
            RenewAsync("103, slowly", interim, stream => Repeat(stream, Ascii("HTTP/1.1 103 Early\r\n\r\n"), 50), Short),
            RenewAsync("trickle", "none", stream => { Write(stream, Declared("", 1000)); Repeat(stream, Ascii(" "), 50); }, Short),
            RenewAsync("trickling headers", "none", stream => { Write(stream, "HTTP/1.1 200 OK\r\nA: "); Repeat(stream, Ascii("b"), 50); }, Short),
            RenewAsync("no end after a cut answer", "none", stream => Write(stream, Declared(Renewed.Substring(0, 20), 1000)), Short),
            RenewAsync("no end after the answer", "Ok", stream => Write(stream, Declared(Renewed, 1000)), Short),
            RenewAsync("no last chunk, and no end", "Ok", stream => Write(stream, Chunked(Renewed)), Short),
            RenewAsync("spaces after the answer", "Ok", stream => { Write(stream, Declared(Renewed, 1000)); Repeat(stream, Ascii(" "), 50); }, Short),
            RenewAsync("refused, without end", "RenewalRefused", stream =>
                Write(stream, Declared(Refused, 999, 401)), Short));
        await RenewAsync("101", "RenewalBadResponse", stream => Write(stream, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + Renewed));
        await RenewAsync("10 GB", "RenewalBadResponse", stream => { Write(stream, Declared("", 10000000000)); Repeat(stream, spaces); });
        await RenewAsync("chunks without end", "RenewalBadResponse", stream =>
            { Write(stream, Chunked("")); Repeat(stream, Ascii("10000\r\n" + new string(' ', 65536) + "\r\n")); }, closed: false);
        await RenewAsync("zeros until the connection closes", "RenewalBadResponse", stream =>
            { Write(stream, "HTTP/1.1 200 OK\r\n\r\n"); Repeat(stream, zeros); });
    }

    [Test]
    public async Task Odd_answers_to_a_renewal_do_no_harm()
    {
        using (var elsewhere = new HostileServer(stream => Write(stream, Server.Response(200, Renewed))))
        {
            foreach (int status in new[] { 301, 302, 303, 307, 308 })
            {
                await RenewAsync("redirect " + status, "RenewalBadResponse", stream => Write(stream, Server.Response(
                    status, Renewed, $"Location: {elsewhere.Origin}/api/appAuth?expiredToken=x\r\n")));
            }
            Check.Equal(0, elsewhere.All.Count, "nothing goes elsewhere");
        }
        await RenewAsync("html", "RenewalBadResponse", stream => Write(stream, Server.Response(200, "<html>fresh-token</html>", "Content-Type: text/html\r\n")));
        await RenewAsync("nothing", "RenewalBadResponse", stream => Write(stream, Server.Response(200, "")));
        await RenewAsync("garbage", "none", stream => { Write(stream, "\0\x01\xff garbage " + Old + "\r\n\r\n"); Close(stream); });
        await RenewAsync("closed", "none", Close);
        await RenewAsync("huge headers", "none", stream => Write(stream,
            "HTTP/1.1 200 OK\r\nX-A: " + new string('a', 1 << 20) + "\r\nContent-Length: " + Renewed.Length + "\r\n\r\n" + Renewed));
        await RenewAsync("negative length", "RenewalBadResponse", stream =>
            { Write(stream, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"); Close(stream); });
        await RenewAsync("gzip unasked", "RenewalBadResponse", stream =>
        {
            byte[] zipped = Gzip(Ascii(Renewed));
            Write(stream, $"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {zipped.Length}\r\n\r\n");
            Write(stream, zipped);
        });

        var cookies = new CookieContainer();
        await RenewAsync("cookie", "Ok", stream => Write(stream, Server.Response(200, Renewed, "Set-Cookie: a=b\r\n")),
            inner: new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies });
        Check.Equal(0, cookies.Count, "cookies");
    }

    /// <summary>A client with credentials answers a challenge by sending its request again.</summary>
    [Test]
    public async Task A_renewal_is_sent_once_even_if_the_server_asks_for_credentials()
    {
        var credentials = new NetworkCredential("user", "password");
        var kinds = new List<Type> { typeof(HttpClientHandler), typeof(Derived) };
        kinds.AddRange(WireTests.Transports().Skip(1).Select(transport => transport.GetType()));
        foreach (Type kind in kinds)
        {
            foreach (int status in new[] { 401, 407 })
            {
                foreach (string scheme in new[] { "Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"y\", qop=\"auth\"" })
                {
                    var inner = (HttpMessageHandler)Activator.CreateInstance(kind);
                    kind.GetProperty("AllowAutoRedirect").SetValue(inner, false);
                    kind.GetProperty("PreAuthenticate").SetValue(inner, true);
                    kind.GetProperty("Credentials").SetValue(inner, credentials);
                    kind.GetProperty("DefaultProxyCredentials").SetValue(inner, credentials);
                    // The derived one would answer the challenge, and is kept from it.
                    string told = status == 401 && kind == typeof(Derived) ? "none" : "RenewalRefused";
                    await RenewAsync($"{status} {scheme} {kind.Name}", told, stream => Write(stream, Server.Response(status, Refused,
                        $"{(status == 401 ? "WWW" : "Proxy")}-Authenticate: {scheme}\r\n")), inner: inner, closed: false);
                }
            }
        }
    }

    [Test]
    public async Task A_compressed_answer_is_limited_after_decompression()
    {
        byte[] bomb = Gzip(new byte[200 << 20]);
        foreach (bool derived in new[] { false, true })
        {
            HttpClientHandler inner = derived ? new Derived() : new HttpClientHandler();
            inner.AllowAutoRedirect = false;
            inner.AutomaticDecompression = DecompressionMethods.GZip;
            long before = GC.GetTotalMemory(true);
            await RenewAsync("bomb " + derived, "RenewalBadResponse", stream =>
            {
                Write(stream, $"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {bomb.Length}\r\n\r\n");
                Write(stream, bomb);
            }, inner: inner, closed: false);
            Check.True(GC.GetTotalMemory(true) - before < 50 << 20, "memory");
        }
    }

    /// <summary>One request that is refused with what the server writes; gives the handler's advice.</summary>
    private static async Task<(HttpResponseMessage Response, string Advice)> RefuseAsync(
        HostileServer server, Auth auth, double timeout, HttpCompletionOption completion = HttpCompletionOption.ResponseHeadersRead)
    {
        string advice = "";
        var handler = new TcAuthHandler(auth, Plain());
        Shorten(handler, "reviewTimeout", timeout);
        handler.RequestRefused += (sender, e) => advice += e.Advice;
        var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        HttpResponseMessage response = await Soon(client.GetAsync(server.Origin + "/api/v3", completion), "the refusal");
        return (response, advice);
    }

    private static async Task<(string Text, Exception Error)> ReadAsync(Stream stream, bool asynchronously)
    {
        var text = new StringBuilder();
        var buffer = new byte[7];
        try
        {
            for (int count; (count = asynchronously ? await Soon(stream.ReadAsync(buffer, 0, 7), "the body")
                : await Soon(Task.Run(() => stream.Read(buffer, 0, 7)), "the body")) > 0;)
                text.Append(Encoding.ASCII.GetString(buffer, 0, count));
            return (text.ToString(), null);
        }
        catch (IOException e)
        {
            return (text.ToString(), e);
        }
    }

    [Test]
    public async Task A_refusal_that_takes_its_time_is_reviewed_with_what_came()
    {
        await Task.WhenAll(
            from asynchronously in new[] { true, false } from cut in new[] { true, false } select RefuseSlowlyAsync(asynchronously, cut));
    }

    private static async Task RefuseSlowlyAsync(bool asynchronously, bool cut)
    {
        const string Start = "{\"message\": \"Access Denied\"}", Rest = " 0123456789 abcdefghijklmnop";
        string rest = cut ? Rest.Substring(1) : Rest;
        var go = new ManualResetEventSlim();
        using (var server = new HostileServer(null, stream =>
        {
            Write(stream, Declared(Start, Start.Length + Rest.Length, 403));
            go.Wait();
            Write(stream, rest);
            Close(stream);
        }))
        using (Auth auth = AuthTests.KeyPair())
        {
            auth.SetApiPath(server.Origin + "/api");
            (HttpResponseMessage response, string advice) = await RefuseAsync(server, auth, 1);
            Check.Equal("AccessDenied", advice);
            Check.Equal<long?>(Start.Length + Rest.Length, response.Content.Headers.ContentLength);
            Stream body = await response.Content.ReadAsStreamAsync();
            var buffer = new byte[Start.Length];
            Check.Equal(Start.Length, await body.ReadAsync(buffer, 0, buffer.Length));
            using (var cancel = new CancellationTokenSource())
            {
                Task<int> waiting = body.ReadAsync(buffer, 0, buffer.Length, cancel.Token);
                cancel.Cancel();
                await Check.ThrowsAsync<OperationCanceledException>(() => waiting);
            }
            go.Set();
            var (text, error) = await ReadAsync(body, asynchronously);
            Check.Equal(rest, text);
            Check.Equal(cut, error != null, "an error for a cut body");
            if (cut)
                await Check.ThrowsAsync<IOException>(() => body.ReadAsync(buffer, 0, 1), "and again");
        }
    }

    [Test]
    public async Task A_cut_refusal_is_reviewed_with_what_came()
    {
        const string Start = "{\"message\": \"Access Denied\"}";
        foreach (bool headersOnly in new[] { true, false })
        {
            using (var server = new HostileServer(null, stream => { Write(stream, Declared(Start, 999, 403)); Close(stream); }))
            using (Auth auth = AuthTests.KeyPair())
            {
                auth.SetApiPath(server.Origin + "/api");
                if (!headersOnly)
                {
                    await Check.ThrowsAsync<HttpRequestException>(
                        () => RefuseAsync(server, auth, 50, HttpCompletionOption.ResponseContentRead));
                    continue;
                }
                (HttpResponseMessage response, string advice) = await RefuseAsync(server, auth, 50);
                Check.Equal("AccessDenied", advice);
                Stream body = await response.Content.ReadAsStreamAsync();
                var (text, error) = await ReadAsync(body, true);
                Check.Equal(Start, text);
                Check.True(error != null, "the caller learns that it was cut");
                await Check.ThrowsAsync<IOException>(() => body.ReadAsync(new byte[1], 0, 1), "and again");
            }
        }
        foreach (bool slow in new[] { false, true })
        {
            var closed = new TaskCompletionSource<bool>();
            using (var server = new HostileServer(stream => Write(stream, Server.Response(200, Renewed)), stream =>
            {
                Write(stream, Declared("{\"message\"", 999, 401));
                if (!slow)
                    Close(stream);
                else if (stream.ReadByte() < 0)
                    closed.SetResult(true);
            }))
            using (Auth auth = Token(server.Origin))
            {
                (HttpResponseMessage response, string advice) = await RefuseAsync(server, auth, slow ? 1 : 50);
                Check.Equal("done", await response.Content.ReadAsStringAsync());
                Check.Equal("", advice);
                Check.Equal(1, server.Renewals.Length);
                if (slow)
                    await Soon(closed.Task, "closing the first connection");
            }
        }
    }

    [Test]
    public async Task A_caller_can_cancel_during_the_review()
    {
        var asked = new TaskCompletionSource<bool>();
        var closed = new TaskCompletionSource<bool>();
        using (var server = new HostileServer(null, stream =>
        {
            Write(stream, Declared("x", 999, 403));
            asked.SetResult(true);
            if (stream.ReadByte() < 0)
                closed.SetResult(true);
        }))
        using (Auth auth = Token(server.Origin))
        using (var cancel = new CancellationTokenSource())
        {
            var handler = new TcAuthHandler(auth, Plain());
            Shorten(handler, "reviewTimeout", 3600);
            Task<HttpResponseMessage> sending = new HttpMessageInvoker(handler).SendAsync(
                new HttpRequestMessage(HttpMethod.Get, server.Origin + "/api/v3"), cancel.Token);
            await Soon(asked.Task, "the request");
            cancel.Cancel();
            await Check.ThrowsAsync<OperationCanceledException>(() => Soon(sending, "cancelling"));
            await Soon(closed.Task, "closing the connection");
        }
    }

    [Test]
    public async Task A_renewal_outlives_its_caller_and_its_handler()
    {
        foreach (string what in new[] { "caller", "handler", "client", "auth" })
        {
            var asked = new TaskCompletionSource<bool>();
            var go = new ManualResetEventSlim();
            using (var server = new HostileServer(stream =>
            {
                asked.SetResult(true);
                go.Wait();
                Write(stream, Server.Response(200, Renewed));
            }))
            using (Auth auth = Token(server.Origin))
            using (var cancel = new CancellationTokenSource())
            {
                var finished = new TaskCompletionSource<Status?>();
                var handler = new TcAuthHandler(auth, Plain());
                handler.RenewalFinished += (sender, e) =>
                {
                    finished.SetResult(e.Status);
                    throw new InvalidTimeZoneException();
                };
                var client = new HttpClient(handler);
                Task<HttpResponseMessage> sending = client.GetAsync(server.Origin + "/api/v3", cancel.Token);
                await Soon(asked.Task, "the renewal");
                if (what == "caller")
                    cancel.Cancel();
                else
                    (what == "handler" ? handler : what == "client" ? (IDisposable)client : auth).Dispose();
                go.Set();
                Status? status = await Soon(finished.Task, "the renewal");
                await Check.ThrowsAsync<Exception>(() => Soon(sending, "the request"), what);
                if (what != "auth") // of which nothing is left
                {
                    Check.Equal<Status?>(Status.Ok, status, what);
                    Check.Equal("fresh-token", auth.GetToken().GetValue(), what);
                }
                Check.Equal(1, server.Renewals.Length, what);
            }
        }
    }

    /// <summary>It can't be cancelled, as other people's handlers often can't.</summary>
    private sealed class Deaf : HttpMessageHandler
    {
        internal HttpContent Renewal; // null: not even the headers come
        internal readonly List<HttpRequestMessage> Seen = new List<HttpRequestMessage>();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Seen.Add(request);
            bool renewal = request.RequestUri.AbsolutePath == "/api/appAuth";
            if (renewal && Renewal == null)
                return new TaskCompletionSource<HttpResponseMessage>().Task;
            return Task.FromResult(new HttpResponseMessage(renewal ? HttpStatusCode.OK : HttpStatusCode.Unauthorized)
                { Content = renewal ? Renewal : new StringContent("") });
        }
    }

    /// <summary>Some bytes, and then nothing, without an end.</summary>
    private sealed class Endless : MemoryStream
    {
        internal Endless(string text) : base(Ascii(text))
        {
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Position < Length ? base.ReadAsync(buffer, offset, count, cancellationToken) : new TaskCompletionSource<int>().Task;
    }

    [Test]
    public async Task A_renewal_ends_even_if_the_inner_handler_can_not_be_cancelled()
    {
        foreach (var one in new (HttpContent Renewal, string Told)[] { (null, " TimeoutException"),
            (new StreamContent(new Endless("")), " TimeoutException"), (new StreamContent(new Endless(Renewed)), "Ok ") })
        {
            using (Auth auth = Token("https://company.example"))
            {
                string told = "";
                var deaf = new Deaf { Renewal = one.Renewal };
                var handler = new TcAuthHandler(auth, deaf);
                Shorten(handler, "renewalTimeout", 0.3);
                handler.RenewalFinished += (sender, e) => told += $"{e.Status} {e.Message}";
                await Soon(new HttpClient(handler).GetAsync("https://company.example/api/v3"), one.Told);
                Check.Equal(one.Told, told);
                Check.Equal("1.1", deaf.Seen[1].Version.ToString(), "HTTP version");
            }
        }
    }
}
