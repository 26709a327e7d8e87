using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

/// <summary>The handler over an inner handler that is not one.</summary>
public sealed class HandlerTests
{
    private const string ApiPath = "https://company.example/api";
    private const string Url = ApiPath + "/v3/indicators";
    private const string Skewed = "{\"message\": \"Timestamp out of acceptable time range\"}";

    private sealed class Fake : HttpMessageHandler
    {
        internal Func<HttpRequestMessage, HttpResponseMessage> Answer = request => Response(200);
        internal readonly List<string> Seen = new List<string>();

        public bool AutomaticRedirection { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var headers = from header in request.Headers from value in header.Value select header.Key + "=" + value;
            string body = request.Content == null ? "" : " " + await request.Content.ReadAsStringAsync();
            lock (Seen)
                Seen.Add($"{request.Method} {request.RequestUri} {string.Join(" ", headers)}{body}");
            return Answer(request);
        }
    }

    private static HttpResponseMessage Response(int status, string body = "") =>
        new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private static Auth Token(string token = "t", int lives = 3600)
    {
        Auth auth = Auth.FromToken(token, DateTimeOffset.UtcNow.AddSeconds(lives));
        auth.SetApiPath(ApiPath);
        return auth;
    }

    private static Auth KeyPair()
    {
        Auth auth = AuthTests.KeyPair();
        auth.SetApiPath(ApiPath);
        return auth;
    }

    [Test]
    public async Task A_request_is_signed_and_old_headers_replaced()
    {
        var fake = new Fake();
        using (Auth auth = Token())
        using (var client = new HttpClient(new TcAuthHandler(auth, fake)))
        {
            client.DefaultRequestHeaders.TryAddWithoutValidation("AUTHORIZATION", "old");
            client.DefaultRequestHeaders.TryAddWithoutValidation("timestamp", "1");
            await client.SendAsync(new HttpRequestMessage(new HttpMethod("patch"), Url));
            Check.Equal($"PATCH {Url} Authorization=TC-Token t", fake.Seen.Single());
        }
    }

    [Test]
    public async Task Another_origin_gets_nothing()
    {
        var fake = new Fake();
        using (Auth auth = Token())
        using (var client = new HttpClient(new TcAuthHandler(auth, fake)))
        {
            foreach (string url in new[] { "http://company.example/api", "https://company.example:444/api", "https://other.example/api" })
            {
                var refused = await Check.ThrowsAsync<TcAuthException>(() => client.GetAsync(url), url);
                Check.Equal(Status.OtherOrigin, refused.Status);
            }
            await Check.ThrowsAsync<InvalidOperationException>(() => client.GetAsync("/relative"));
            Check.Equal(0, fake.Seen.Count);
        }
    }

    [Test]
    public async Task Another_origin_causes_no_renewal()
    {
        var fake = new Fake { Answer = request => Response(200, "{\"success\": true, \"apiToken\": \"new\"}") };
        using (Auth auth = Token("t", -1))
        using (var client = new HttpClient(new TcAuthHandler(auth, fake)))
        {
            foreach (string url in new[] { "http://company.example/api", "https://company.example@other.example/api" })
            {
                var refused = await Check.ThrowsAsync<TcAuthException>(() => client.GetAsync(url), url);
                Check.Equal(Status.OtherOrigin, refused.Status);
            }
            Check.Equal(0, fake.Seen.Count);
            await client.GetAsync(Url.Replace("://", "://user:password@")); // Uri's user is not sent
            Check.Equal(2, fake.Seen.Count);
            auth.UpdateToken("t", DateTimeOffset.UtcNow.AddSeconds(-1));
            await Check.ThrowsAsync<TcAuthException>(() => client.GetAsync("https://other.example/"));
            Check.Equal(2, fake.Seen.Count);
        }
    }

    [Test]
    public async Task A_Host_header_that_names_another_server_is_refused()
    {
        var fake = new Fake { Answer = request => Response(200, "{\"success\": true, \"apiToken\": \"new\"}") };
        foreach (bool due in new[] { true, false })
        {
            using (Auth auth = due ? Token("t", -1) : KeyPair())
            using (var client = new HttpClient(new TcAuthHandler(auth, fake)))
            {
                foreach (string[] hosts in new[] { new[] { "other.example" }, new[] { "company.example:444" }, new[] { "company.example:80" },
                    new[] { "company.example/" }, new[] { "company.example?" }, new[] { "company.example#" }, new[] { "a@company.example" },
                    new[] { "company.example\\" }, new[] { "company.example," }, new[] { "company .example" }, new[] { "" },
                    new[] { "https://company.example" }, new[] { "company.example", "other.example" }, new[] { "\u00e9.example" } })
                {
                    fake.Seen.Clear();
                    var request = new HttpRequestMessage(HttpMethod.Get, Url);
                    foreach (string host in hosts)
                        request.Headers.TryAddWithoutValidation("host", host);
                    string name = string.Join(", ", hosts);
                    var refused = await Check.ThrowsAsync<TcAuthException>(() => client.SendAsync(request), name);
                    Check.Equal(Status.OtherOrigin, refused.Status, name);
                    Check.Equal(0, fake.Seen.Count, name);
                }
                foreach (string host in new[] { "company.example", "COMPANY.example:443" })
                {
                    var request = new HttpRequestMessage(HttpMethod.Get, Url);
                    request.Headers.Host = host;
                    Check.Equal(HttpStatusCode.OK, (await client.SendAsync(request)).StatusCode, host);
                }
            }
        }
    }

    [Test]
    public async Task An_inner_handler_that_follows_redirects_is_refused()
    {
        using (Auth auth = Token())
        {
            foreach (HttpMessageHandler follows in new HttpMessageHandler[]
                { new HttpClientHandler(), new Fake { AutomaticRedirection = true }, new Watcher { InnerHandler = new HttpClientHandler() } })
            {
                Check.Throws<InvalidOperationException>(() => new TcAuthHandler(auth, follows));
                var late = new TcAuthHandler(auth) { InnerHandler = follows };
                await Check.ThrowsAsync<InvalidOperationException>(() => new HttpClient(late).GetAsync(Url));
            }
            new TcAuthHandler(auth, new HttpClientHandler { AllowAutoRedirect = false });
            Check.Throws<InvalidOperationException>(() => new TcAuthHandler(auth, new Unreadable()));
            Check.Fails(Status.ApiPathMissing, () => new TcAuthHandler(AuthTests.KeyPair()));
        }
    }

    /// <summary>Whether it follows redirects can't be known.</summary>
    private sealed class Unreadable : HttpMessageHandler
    {
        public bool AllowAutoRedirect
        {
            set { }
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(Response(200));
    }

    [Test]
    public async Task Redirects_are_refused_whenever_they_are_switched_on()
    {
        var fake = new Fake();
        using (Auth auth = Token())
        using (var client = new HttpClient(new TcAuthHandler(auth, fake)))
        {
            await client.GetAsync(Url);
            fake.AutomaticRedirection = true;
            await Check.ThrowsAsync<InvalidOperationException>(() => client.GetAsync(Url));
            auth.UpdateToken("due", DateTimeOffset.UtcNow.AddSeconds(-1));
            await Check.ThrowsAsync<TcAuthException>(() => client.GetAsync(Url));
            Check.Equal(1, fake.Seen.Count); // the renewal was not sent either
        }
        using (Auth auth = Token())
        {
            var handler = new TcAuthHandler(auth);
            var client = new HttpClient(handler);
            await Check.ThrowsAsync<TcAuthException>(() => client.GetAsync("https://other.example/"));
            handler.InnerHandler = new HttpClientHandler();
            await Check.ThrowsAsync<InvalidOperationException>(() => client.GetAsync(Url));
        }
    }

    [Test]
    public async Task What_an_event_throws_breaks_nothing()
    {
        var refusal = new Tracked(10);
        var fake = new Sink(request => new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StreamContent(refusal) });
        using (Auth auth = Token("t", -1))
        {
            var handler = new TcAuthHandler(auth, fake);
            handler.RenewalFinished += (sender, e) => throw new TimeZoneNotFoundException();
            handler.TokenAdopted += (sender, e) => throw new TimeZoneNotFoundException();
            handler.RequestRetried += (sender, e) => throw new TimeZoneNotFoundException();
            handler.RequestRefused += (sender, e) => throw new InvalidTimeZoneException();
            await Check.ThrowsAsync<InvalidTimeZoneException>(() => new HttpClient(handler).GetAsync(Url));
            Check.Equal("new", auth.GetToken().GetValue());
            Check.True(refusal.IsDisposed, "the response is closed");
        }
    }

    [Test]
    public async Task A_timestamp_among_the_content_headers_goes_too()
    {
        var fake = new Fake();
        using (Auth auth = KeyPair())
        {
            var content = new StringContent("x");
            content.Headers.TryAddWithoutValidation("timestamp", "1");
            await new HttpMessageInvoker(new TcAuthHandler(auth, fake)).SendAsync(
                new HttpRequestMessage(HttpMethod.Post, Url) { Content = content }, CancellationToken.None);
            Check.True(!content.Headers.Contains("Timestamp"), "removed");
        }
    }

    /// <summary>A response that breaks off.</summary>
    private sealed class Broken : Tracked
    {
        internal Broken() : base(10)
        {
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            throw new IOException();
    }

    [Test]
    public async Task A_response_that_nobody_gets_is_closed()
    {
        using (Auth auth = Token())
        {
            var broken = new Broken();
            var fake = new Sink(request => new HttpResponseMessage(HttpStatusCode.Unauthorized) { Content = new StreamContent(broken) });
            await Check.ThrowsAsync<HttpRequestException>(() => new HttpClient(new TcAuthHandler(auth, fake)).GetAsync(Url));
            Check.True(broken.IsDisposed, "broken off");
        }
        using (Auth auth = Token())
        using (var cancel = new CancellationTokenSource())
        {
            var refusal = new Tracked(10);
            var go = new ManualResetEventSlim();
            var slow = new Slow { Asked = new ManualResetEventSlim(), Go = go, Refusal = refusal };
            Task sending = new HttpClient(new TcAuthHandler(auth, slow)).GetAsync(Url, cancel.Token);
            slow.Asked.Wait();
            cancel.Cancel();
            await Check.ThrowsAsync<OperationCanceledException>(() => sending);
            go.Set();
            Check.True(refusal.IsDisposed, "cancelled before the second");
        }
        foreach (int length in new[] { 65535, 65536 }) // with more to come its connection is free before the renewal
        {
            using (Auth auth = Token())
            {
                var refusal = new Tracked(length);
                bool? closed = null;
                var fake = new Fake();
                fake.Answer = request =>
                {
                    if (request.RequestUri.AbsolutePath != "/api/appAuth")
                        return new HttpResponseMessage(HttpStatusCode.Unauthorized) { Content = new StreamContent(refusal) };
                    closed = refusal.IsDisposed;
                    auth.UpdateToken("APIV2:expired", DateTimeOffset.UtcNow.AddSeconds(-10)); // can't be signed with
                    return Response(500);
                };
                var client = new HttpClient(new TcAuthHandler(auth, fake));
                if (length == 65535)
                    Check.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync(Url)).StatusCode);
                else
                    Check.Equal(Status.TokenExpired, (await Check.ThrowsAsync<TcAuthException>(() => client.GetAsync(Url))).Status);
                Check.Equal<bool?>(length == 65536, closed);
            }
        }
    }

    /// <summary>The thread of a window: whoever blocks it, and comes back to it, waits for ever.</summary>
    private sealed class Window : SynchronizationContext
    {
        internal int Posts;

        public override void Post(SendOrPostCallback callback, object state)
        {
            Interlocked.Increment(ref Posts);
            ThreadPool.QueueUserWorkItem(s => callback(s), state);
        }
    }

    /// <summary>A body that comes late.</summary>
    private sealed class Late : MemoryStream
    {
        internal Late(string text) : base(Encoding.UTF8.GetBytes(text))
        {
        }

        public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            await Task.Delay(20).ConfigureAwait(false);
            return Read(buffer, offset, count);
        }
    }

    /// <summary>Answers at once or late, the bodies late.</summary>
    private sealed class LateHandler : HttpMessageHandler
    {
        internal Func<HttpRequestMessage, bool> IsLate;
        internal bool AtOnce; // a refusal and its body

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (IsLate(request))
                await Task.Delay(20).ConfigureAwait(false);
            bool renewal = request.RequestUri.AbsolutePath == "/api/appAuth";
            bool refused = !renewal && request.Headers.GetValues("Authorization").Single() == "TC-Token t";
            if (refused && AtOnce)
                return new HttpResponseMessage(HttpStatusCode.Unauthorized);
            return new HttpResponseMessage(refused ? HttpStatusCode.Unauthorized : HttpStatusCode.OK)
                { Content = new StreamContent(new Late("{\"success\": true, \"apiToken\": \"new\"}")) };
        }
    }

    [Test]
    public async Task Nothing_comes_back_to_the_callers_thread()
    {
        var cases = new (string Name, int Lives, Func<HttpRequestMessage, bool> IsLate)[]
        {
            ("a late renewal first", -1, request => true),
            ("a late body of a renewal first", -1, request => false),
            ("a late answer", 3600, request => true),
            ("a late body of a refusal", 3600, request => false),
            ("a late renewal after a refusal", 3600, request => request.RequestUri.AbsolutePath == "/api/appAuth"),
        };
        foreach (var one in cases)
        {
            using (Auth auth = Token("t", one.Lives))
            {
                var window = new Window();
                HttpStatusCode status = 0;
                var thread = new Thread(() =>
                {
                    SynchronizationContext.SetSynchronizationContext(window);
                    var invoker = new HttpMessageInvoker(new TcAuthHandler(auth, new LateHandler
                        { IsLate = one.IsLate, AtOnce = one.Name == "a late renewal after a refusal" }));
                    status = invoker.SendAsync(new HttpRequestMessage(HttpMethod.Get, Url), CancellationToken.None).Result.StatusCode;
                });
                thread.Start();
                await Task.Run(() => thread.Join());
                Check.Equal(HttpStatusCode.OK, status, one.Name);
                Check.Equal(0, window.Posts, one.Name);
            }
        }
    }

    /// <summary>Sees what goes through it, as a handler that logs does.</summary>
    private sealed class Watcher : DelegatingHandler
    {
        internal readonly List<string> Seen = new List<string>();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            lock (Seen)
                Seen.Add(request.RequestUri.AbsolutePath);
            return base.SendAsync(request, cancellationToken);
        }
    }

    [Test]
    public async Task A_refused_token_is_renewed_and_the_request_sent_again()
    {
        var fake = new Fake();
        fake.Answer = request => request.RequestUri.AbsolutePath == "/api/appAuth"
            ? Response(200, "{\"success\": true, \"apiToken\": \"new\"}")
            : Response(request.Headers.GetValues("Authorization").Single() == "TC-Token new" ? 200 : 401);
        var inside = new Watcher { InnerHandler = fake };
        using (Auth auth = Token())
        {
            var events = new List<string>();
            var handler = new TcAuthHandler(auth, inside);
            handler.RenewalFinished += (sender, e) => events.Add($"{e.Status} {e.Message}");
            handler.RequestRefused += (sender, e) => events.Add($"{e.Advice} {e.HttpStatusCode} {e.Method}");
            var outside = new Watcher { InnerHandler = handler };
            using (var client = new HttpClient(outside))
            {
                string body = new string('b', 100000);
                Check.Equal(HttpStatusCode.OK, (await client.PostAsync(Url, new StringContent(body))).StatusCode);
                Check.Equal($"POST {Url} Authorization=TC-Token t {body}", fake.Seen[0]);
                Check.Equal($"GET {ApiPath}/appAuth?expiredToken=t Connection=close ", fake.Seen[1]);
                Check.Equal($"POST {Url} Authorization=TC-Token new {body}", fake.Seen[2]);
                Check.Equal(3, fake.Seen.Count);
                Check.Equal("/api/v3/indicators", string.Join(" ", outside.Seen));
                Check.Equal("/api/v3/indicators /api/v3/indicators", string.Join(" ", inside.Seen));
                Check.Equal("Ok ", string.Join(", ", events));
            }
        }
    }

    [Test]
    public async Task Each_event_is_told()
    {
        var fake = new Fake();
        var events = new List<string>();
        using (Auth auth = Token(), other = Token())
        {
            var handler = new TcAuthHandler(auth, fake);
            handler.RenewalFinished += (sender, e) => events.Add(e.ToString());
            handler.TokenAdopted += (sender, e) => events.Add(e.ToString());
            handler.RequestRetried += (sender, e) => events.Add("retried: " + e);
            handler.RequestRefused += (sender, e) => events.Add("refused: " + e);
            var client = new HttpClient(handler);
            Func<int, Task<string>> Events = async requests =>
            {
                for (int i = 0; i < requests; i++)
                    await client.GetAsync(Url.Replace("://", "://user:password@") + "?query");
                string all = string.Join(", ", events);
                events.Clear();
                return all;
            };

            Check.Equal("", await Events(2));
            for (int i = 0; i < 3; i++)
            {
                other.UpdateToken("adopted" + i);
                Check.Equal(Unsealed.Adopted, auth.Unseal(other.Seal()));
                Check.Equal("a token of another process is used", await Events(3));
            }
            auth.UpdateToken("updated");
            Check.Equal("", await Events(2));

            fake.Answer = request => request.RequestUri.AbsolutePath == "/api/appAuth"
                ? Response(200, "{\"success\": true, \"apiToken\": \"new\"}")
                : Response(request.Headers.GetValues("Authorization").Single() == "TC-Token new" ? 200 : 401);
            Check.Equal($"renewal: OK, retried: GET {Url}: 401, RETRY", await Events(2));

            fake.Answer = request => request.RequestUri.AbsolutePath == "/api/appAuth"
                ? Response(200, "{\"success\": false, \"message\": \"no\"}") : Response(401);
            auth.UpdateToken("refused");
            Check.Equal($"renewal: RENEWAL_REFUSED no, retried: GET {Url}: 401, RETRY, refused: GET {Url}: 401, TOKEN_REJECTED",
                await Events(1));
        }
    }

    [Test]
    public async Task A_request_is_sent_twice_at_most()
    {
        var fake = new Fake { Answer = request => Response(
            request.RequestUri.AbsolutePath == "/api/appAuth" ? 500 : 401, "{\"message\": \"Unauthorized\"}") };
        using (Auth auth = Token("API:5:old"))
        {
            var events = new List<string>();
            var handler = new TcAuthHandler(auth, fake);
            handler.RenewalFinished += (sender, e) => events.Add($"{e.Status} {e.Message}");
            handler.RequestRefused += (sender, e) => events.Add($"{e.Advice} {e.HttpStatusCode} {e.Method}");
            HttpResponseMessage response = await new HttpClient(handler).GetAsync(Url);
            Check.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Check.Equal("{\"message\": \"Unauthorized\"}", await response.Content.ReadAsStringAsync());
            Check.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType.ToString());
            Check.Equal(3, fake.Seen.Count);
            Check.Equal("RenewalBadResponse Unauthorized, TokenRejected Unauthorized GET", string.Join(", ", events));
        }
    }

    /// <summary>Content that can be written only once.</summary>
    private sealed class Pushed : HttpContent
    {
        private readonly Stream source = new Unseekable(2);
        private readonly bool knowsLength;

        internal Pushed(bool knowsLength)
        {
            this.knowsLength = knowsLength;
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext context) => source.CopyToAsync(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 2;
            return knowsLength;
        }
    }

    /// <summary>As from a socket.</summary>
    internal sealed class Unseekable : MemoryStream
    {
        internal Unseekable(int length) : base(new byte[length])
        {
        }

        public override bool CanSeek => false;
    }

    [Test]
    public async Task Content_is_sent_again_only_if_it_can_be()
    {
        var long_ = new StreamContent(new Unseekable(10));
        long_.Headers.ContentLength = 10;
        var buffered = new StreamContent(new Unseekable(10));
        await buffered.LoadIntoBufferAsync();
        var pushedAndMeasured = new Pushed(false);
        pushedAndMeasured.Headers.ContentLength = 2;
        var disposed = new StringContent("x");
        var cases = new (string Name, HttpContent Content, int Sends)[]
        {
            ("none", null, 2),
            ("bytes", new ByteArrayContent(new byte[10]), 2),
            ("form", new FormUrlEncodedContent(new Dictionary<string, string> { { "a", "b" } }), 2),
            ("stream", new StreamContent(new MemoryStream(new byte[10])), 2),
            ("buffered", buffered, 2),
            ("multipart", new MultipartContent { new StringContent("a"), new StreamContent(new MemoryStream()) }, 2),
            ("socket", new StreamContent(new Unseekable(10)), 1),
            ("socket with a length", long_, 1),
            ("pushed", new Pushed(false), 1),
            ("pushed with a length", new Pushed(true), 1),
            ("pushed with a length from the caller", pushedAndMeasured, 1),
            ("multipart of pushed", new MultipartContent { new Pushed(true) }, 1),
            ("multipart of a socket", new MultipartContent { new StringContent("a"), new StreamContent(new Unseekable(1)) }, 1),
            ("disposed by the inner handler", disposed, 1),
        };
        foreach (var one in cases)
        {
            int sends = 0;
            var fake = new Sink(request =>
            {
                sends++;
                if (one.Content == disposed)
                    disposed.Dispose();
                return Response(401);
            });
            using (Auth auth = Token())
            {
                auth.Poll(TimeSpan.Zero);
                var request = new HttpRequestMessage(HttpMethod.Post, Url) { Content = one.Content };
                HttpResponseMessage response = await new HttpClient(new TcAuthHandler(auth, fake)).SendAsync(request);
                Check.Equal(HttpStatusCode.Unauthorized, response.StatusCode, one.Name);
                Check.Equal(one.Sends, sends, one.Name);
            }
        }
    }

    /// <summary>Writes content to nowhere, as often as it is asked to, which a stream that can't be wound back refuses.</summary>
    private sealed class Sink : HttpMessageHandler
    {
        private readonly Func<HttpRequestMessage, HttpResponseMessage> answer;

        internal Sink(Func<HttpRequestMessage, HttpResponseMessage> answer)
        {
            this.answer = answer;
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri.AbsolutePath == "/api/appAuth")
                return Response(200, "{\"success\": true, \"apiToken\": \"new\"}");
            if (request.Content != null)
                await request.Content.CopyToAsync(Stream.Null);
            return answer(request);
        }
    }

    private class Tracked : MemoryStream
    {
        internal bool IsDisposed;

        internal Tracked(int length) : base(Enumerable.Range(0, length).Select(i => (byte)i).ToArray())
        {
        }

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }
    }

    [Test]
    public async Task The_whole_refusal_reaches_the_caller()
    {
        foreach (int length in new[] { 0, 1, 65535, 65536, 65537, 300000 })
        {
            var body = new Tracked(length);
            var fake = new Sink(request => new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StreamContent(body) });
            using (Auth auth = KeyPair())
            {
                var client = new HttpClient(new TcAuthHandler(auth, fake));
                HttpResponseMessage response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead);
                Check.True(body.Position <= 65536, "read for the review: " + body.Position);
                Check.Equal<long?>(length, response.Content.Headers.ContentLength);
                var whole = new MemoryStream();
                await response.Content.CopyToAsync(whole);
                Check.True(whole.ToArray().SequenceEqual(body.ToArray()), length + " bytes");
                response.Dispose();
                Check.True(body.IsDisposed, "closed with the response");
            }
        }
    }

    [Test]
    public async Task The_first_response_is_given_up_only_for_a_second()
    {
        var first = new Tracked(10);
        HttpContent next = new StreamContent(first);
        var fake = new Sink(request =>
        {
            HttpContent content = next;
            next = new StringContent("second");
            return new HttpResponseMessage(HttpStatusCode.Unauthorized) { Content = content };
        });
        using (Auth auth = Token())
        {
            HttpResponseMessage response = await new HttpClient(new TcAuthHandler(auth, fake)).GetAsync(Url);
            Check.Equal("second", await response.Content.ReadAsStringAsync());
            Check.True(first.IsDisposed, "the first is closed");
        }
        using (Auth auth = Token())
        {
            fake = new Sink(request =>
            {
                auth.UpdateToken("APIV2:expired", DateTimeOffset.UtcNow.AddSeconds(-10)); // can't be signed with, nor renewed
                return Response(401, "first");
            });
            HttpResponseMessage response = await new HttpClient(new TcAuthHandler(auth, fake)).GetAsync(Url);
            Check.Equal("first", await response.Content.ReadAsStringAsync());
        }
    }

    [Test]
    public async Task A_clock_is_corrected_by_the_server_alone()
    {
        DateTimeOffset date = DateTimeOffset.UtcNow.AddHours(2);
        foreach (string kind in new[] { "https", "cached", "two dates", "http" })
        {
            var fake = new Fake();
            fake.Answer = request =>
            {
                long timestamp = long.Parse(request.Headers.GetValues("Timestamp").Single());
                if (Math.Abs(timestamp - date.ToUnixTimeSeconds()) < 300)
                    return Response(200);
                HttpResponseMessage response = Response(401, Skewed);
                response.Headers.TryAddWithoutValidation("Date", date.ToString("r"));
                if (kind == "cached")
                    response.Headers.TryAddWithoutValidation("Age", "0");
                if (kind == "two dates")
                    response.Headers.TryAddWithoutValidation("Date", date.AddHours(1).ToString("r"));
                return response;
            };
            using (Auth auth = AuthTests.KeyPair())
            {
                string url = kind == "http" ? Url.Replace("https", "http") : Url;
                auth.SetApiPath(url);
                var advice = new List<Advice>();
                var handler = new TcAuthHandler(auth, fake);
                handler.RequestRefused += (sender, e) => advice.Add(e.Advice);
                HttpResponseMessage response = await new HttpClient(handler).GetAsync(url);
                Check.Equal(kind == "https" ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, response.StatusCode, kind);
                Check.Equal(kind == "https" ? "" : "ClockSkew", string.Join(" ", advice), kind);
                Check.Equal(kind == "https", auth.ClockOffset.TotalHours > 1.9, kind);
            }
        }
    }

    [Test]
    public async Task Waiting_for_a_renewal_can_be_cancelled()
    {
        using (Auth auth = Token("t", -1))
        {
            Renewal ticket = auth.Poll(TimeSpan.Zero);
            var fake = new Fake();
            using (var client = new HttpClient(new TcAuthHandler(auth, fake)))
            using (var soon = new CancellationTokenSource(100))
            {
                await Check.ThrowsAsync<OperationCanceledException>(() => client.GetAsync(Url, soon.Token));
                Task<HttpResponseMessage> waiting = client.GetAsync(Url);
                Check.True(!waiting.Wait(100), "it waits");
                ticket.Complete(200, Encoding.UTF8.GetBytes("{\"success\": true, \"apiToken\": \"new\"}"));
                await waiting;
                Check.Equal($"GET {Url} Authorization=TC-Token new", fake.Seen.Single());
            }
        }
    }

    [Test]
    public async Task A_renewal_is_completed_without_its_caller()
    {
        var asked = new ManualResetEventSlim();
        var go = new ManualResetEventSlim();
        using (Auth auth = Token("t", -1))
        {
            var finished = new TaskCompletionSource<Status?>();
            var handler = new TcAuthHandler(auth, new Slow { Asked = asked, Go = go });
            handler.RenewalFinished += (sender, e) => finished.SetResult(e.Status);
            using (var cancel = new CancellationTokenSource())
            {
                Task sending = new HttpClient(handler).GetAsync(Url, cancel.Token);
                asked.Wait();
                cancel.Cancel();
                await Check.ThrowsAsync<OperationCanceledException>(() => sending);
                go.Set();
                Check.Equal<Status?>(Status.Ok, await finished.Task);
                Check.Equal("new", auth.GetToken().GetValue());
            }
        }
    }

    private sealed class Slow : HttpMessageHandler
    {
        internal ManualResetEventSlim Asked, Go;
        internal Stream Refusal;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (Refusal != null && request.RequestUri.AbsolutePath != "/api/appAuth")
                return new HttpResponseMessage(HttpStatusCode.Unauthorized) { Content = new StreamContent(Refusal) };
            Asked.Set();
            await Task.Run(() => Go.Wait());
            return Response(200, "{\"success\": true, \"apiToken\": \"new\"}");
        }
    }

    [Test]
    public async Task A_renewal_without_answer_is_told_without_its_URL()
    {
        var fake = new Fake { Answer = request =>
            request.RequestUri.AbsolutePath == "/api/appAuth" ? throw new HttpRequestException("no " + request.RequestUri) : Response(200) };
        using (Auth auth = Token())
        {
            auth.SetRenewalWindow(TimeSpan.FromDays(1));
            auth.UpdateToken("secret", DateTimeOffset.UtcNow.AddSeconds(-1));
            string seen = null;
            var handler = new TcAuthHandler(auth, fake);
            handler.RenewalFinished += (sender, e) => seen += $"{e.Status} {e.Message}";
            var expired = await Check.ThrowsAsync<TcAuthException>(() => new HttpClient(handler).GetAsync(Url));
            Check.Equal(Status.TokenExpired, expired.Status);
            Check.Equal(" HttpRequestException", seen);
        }
    }
}
