using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;

namespace TcAuth
{
    /// <summary>
    /// Signs what an HttpClient sends, renews the token when it is due, and sends a refused request once more if that
    /// can help. Any number of threads may use it.
    /// </summary>
    /// <remarks>
    /// <para>Requests must go to the origin of the handle's API path. If the URL or a Host header names another server,
    /// SendAsync throws a <see cref="TcAuthException"/> with <see cref="Status.OtherOrigin"/>; nothing is sent, and no
    /// token is renewed. With an http API path, anyone on the way (also a proxy) can read the token. Redirects are
    /// returned to the caller, not followed. Authorization and Timestamp headers of the request are replaced.</para>
    /// <para>Put it after handlers that change the request, because it must sign what is sent. It does not dispose the
    /// <see cref="Auth"/>: dispose that after the HttpClient.</para>
    /// <para>A renewal bypasses all handlers but the innermost. It is sent once, over HTTP/1.1, and ends after 30
    /// seconds at most. If the innermost handler is an HttpClientHandler or a SocketsHttpHandler, which is recommended,
    /// the renewal has a connection of its own. Any other handler, also one derived from HttpClientHandler, sends it
    /// itself, perhaps on a kept connection. Up to 1 MiB of the response is read. What arrived is used even if the
    /// transfer fails.</para>
    /// <para>Of a response with status 400, 401 or 403 up to 64 KiB are read for up to 10 seconds before the caller gets
    /// it. The caller can still read the whole body, and gets the error if the transfer fails.</para>
    /// </remarks>
    public sealed class TcAuthHandler : DelegatingHandler
    {
        private const int MaxReviewedBody = 64 * 1024;
        private const int MaxRenewalBody = 1024 * 1024;
        private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60); // for another request's renewal

        private readonly Auth auth;
        private readonly object gate = new object();
        private volatile string checkedOrigin; // the last good one: it need not be checked again for each request
        private TimeSpan renewalTimeout = TimeSpan.FromSeconds(30); // tests shorten this and the next
        private TimeSpan reviewTimeout = TimeSpan.FromSeconds(10);

        /// <summary>
        /// Makes a handler without an inner handler, for a pipeline that sets InnerHandler. If it is not set at the
        /// first request, an HttpClientHandler that follows no redirects is used.
        /// </summary>
        /// <param name="auth">A handle with an API path.</param>
        /// <exception cref="TcAuthException"><see cref="Status.ApiPathMissing"/>.</exception>
        public TcAuthHandler(Auth auth)
        {
            new UrlBuilder(auth, "/").Dispose(); // throws if there is no API path
            this.auth = auth;
        }

        /// <summary>Makes a handler with an inner handler.</summary>
        /// <param name="auth">A handle with an API path.</param>
        /// <param name="innerHandler">Sends the signed requests. It is disposed with this handler.</param>
        /// <exception cref="TcAuthException"><see cref="Status.ApiPathMissing"/>.</exception>
        /// <exception cref="InvalidOperationException">The innermost handler follows redirects.</exception>
        public TcAuthHandler(Auth auth, HttpMessageHandler innerHandler) : this(auth)
        {
            InnerHandler = innerHandler ?? throw new ArgumentNullException(nameof(innerHandler));
            Innermost();
        }

        /// <summary>Makes a handler that shares the token with other processes, as <see cref="Auth.ShareIn"/> does. Several
        /// handlers of one handle can have the same directory.</summary>
        /// <param name="auth">A handle with an API path and a token.</param>
        /// <param name="innerHandler">As in the other constructors; null: it is set later.</param>
        /// <param name="shareDirectory">The directory.</param>
        /// <param name="shareKey">The keys, or null.</param>
        /// <exception cref="TcAuthException"><see cref="Status.ApiPathMissing"/>, and as in
        /// <see cref="Auth.ShareIn"/>.</exception>
        /// <exception cref="InvalidOperationException">The innermost handler follows redirects.</exception>
        public TcAuthHandler(Auth auth, HttpMessageHandler innerHandler, string shareDirectory, string shareKey = null)
            : this(auth)
        {
            if (innerHandler != null)
            {
                InnerHandler = innerHandler;
                Innermost();
            }
            auth.ShareOnceIn(shareDirectory, shareKey);
        }

        /// <summary>
        /// A renewal has ended or failed. The event is raised on any thread, when other requests no longer wait. An
        /// exception of your method is ignored: it must not fail a request.
        /// </summary>
        public event EventHandler<RenewalFinishedEventArgs> RenewalFinished;

        /// <summary>
        /// A request is about to be sent with a token that another process has renewed, for the first time. The event is
        /// raised on any thread. An exception of your method is ignored.
        /// </summary>
        public event EventHandler<TokenAdoptedEventArgs> TokenAdopted;

        /// <summary>
        /// A refused request is about to be sent once more. The event is raised on any thread. An exception of your method
        /// is ignored.
        /// </summary>
        public event EventHandler<RequestRefusedEventArgs> RequestRetried;

        /// <summary>
        /// A refusal is about to be returned to the caller. The event is raised on any thread. If your method throws,
        /// the caller gets the exception instead of the response.
        /// </summary>
        public event EventHandler<RequestRefusedEventArgs> RequestRefused;

        /// <inheritdoc/>
        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request == null)
                throw new ArgumentNullException(nameof(request));
            if (request.RequestUri == null || !request.RequestUri.IsAbsoluteUri)
                throw new InvalidOperationException("The request has no absolute URI.");
            lock (gate)
            {
                if (InnerHandler == null)
                    InnerHandler = new HttpClientHandler { AllowAutoRedirect = false };
            }

            Headers sent = await SignAsync(request, cancellationToken).ConfigureAwait(false);
            HttpResponseMessage response = await SendOnceAsync(request, cancellationToken).ConfigureAwait(false);
            (Advice advice, bool ended) = await ReviewAsync(request, sent, response, cancellationToken)
                .ConfigureAwait(false);
            if (advice == Advice.Retry)
            {
                Headers again = await SignAgainAsync(request, response, ended, cancellationToken)
                    .ConfigureAwait(false);
                if (again != null)
                {
                    Tell(RequestRetried, new RequestRefusedEventArgs(request, advice, response.StatusCode));
                    response.Dispose(); // frees its connection
                    response = await SendOnceAsync(request, cancellationToken).ConfigureAwait(false);
                    (advice, _) = await ReviewAsync(request, again, response, cancellationToken).ConfigureAwait(false);
                }
            }
            if (advice != Advice.Accepted)
                TellRefused(request, advice, response);
            return response;
        }

        private Task<HttpResponseMessage> SendOnceAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Innermost(); // refuses redirects
            return base.SendAsync(request, cancellationToken);
        }

        private void TellRefused(HttpRequestMessage request, Advice advice, HttpResponseMessage response)
        {
            try
            {
                RequestRefused?.Invoke(this, new RequestRefusedEventArgs(request, advice, response.StatusCode));
            }
            catch
            {
                response.Dispose(); // the caller does not get it
                throw;
            }
        }

        /// <summary>Signs for a second attempt. Returns null if that is not possible and the first response is to be
        /// returned.</summary>
        private async Task<Headers> SignAgainAsync(
            HttpRequestMessage request, HttpResponseMessage first, bool ended, CancellationToken cancellationToken)
        {
            try
            {
                if (!await CanBeSentAgainAsync(request.Content).ConfigureAwait(false))
                    return null;
                // The rest of a long or slow body holds a connection that the renewal may need, so that response is
                // disposed before. If signing then fails, the caller gets the error.
                if (!ended)
                    first.Dispose();
                return await SignAsync(request, cancellationToken).ConfigureAwait(false);
            }
            catch (TcAuthException) when (ended)
            {
                return null;
            }
            catch
            {
                first.Dispose();
                throw;
            }
        }

        /// <summary>
        /// The handler that sends the requests. It is found and checked each time, because a pipeline can be changed
        /// until its first request, and handlers of other classes even later.
        /// </summary>
        private HttpMessageHandler Innermost()
        {
            HttpMessageHandler handler = this;
            while (handler is DelegatingHandler delegating && delegating.InnerHandler != null)
                handler = delegating.InnerHandler;
            if (FollowsRedirects(handler))
                throw new InvalidOperationException(
                    "The innermost handler follows redirects, and would send these credentials to wherever it is told. "
                    + "Switch that off on your " + handler.GetType().Name + " (AllowAutoRedirect = false).");
            return handler;
        }

        /// <summary>Uses reflection for handlers other than HttpClientHandler, because .NET Standard 2.0 has neither
        /// SocketsHttpHandler nor WinHttpHandler. A property that can't be read counts as on.</summary>
        private static bool FollowsRedirects(HttpMessageHandler handler)
        {
            if (handler is HttpClientHandler known)
                return known.AllowAutoRedirect;
            PropertyInfo property = handler.GetType().GetRuntimeProperty("AllowAutoRedirect")
                ?? handler.GetType().GetRuntimeProperty("AutomaticRedirection");
            return property != null && (!property.CanRead || true.Equals(property.GetValue(handler)));
        }

        private async Task<Headers> SignAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            // Every handler sends PathAndQuery, which Uri has normalised.
            Uri uri = request.RequestUri;
            string origin = uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);
            CheckOrigin(request, origin); // before the renewal: a request to another server must not cause one
            await RenewIfDueAsync(cancellationToken).ConfigureAwait(false);

            // HTTP methods are case-sensitive, and the upper case is signed.
            string method = request.Method.Method.ToUpperInvariant();
            if (method != request.Method.Method)
                request.Method = new HttpMethod(method);

            long before = auth.Adoption.Count;
            Headers headers = auth.GetHeaders(method, origin + uri.PathAndQuery);
            if (headers.Timestamp == null && auth.Adoption.Noticed(headers.GetAuthorization(), before))
                Tell(TokenAdopted, new TokenAdoptedEventArgs());
            request.Headers.Remove("Timestamp"); // with a token it is not replaced below
            request.Content?.Headers.Remove("Timestamp"); // headers of the content are sent together with these
            foreach (var header in headers)
            {
                request.Headers.Remove(header.Key);
                request.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }
            return headers;
        }

        /// <summary>
        /// Checks the origin and a Host header. The Host header decides which site of a server gets the request, and
        /// clients send it even if it is not a valid host.
        /// </summary>
        private void CheckOrigin(HttpRequestMessage request, string origin)
        {
            if (origin != checkedOrigin)
            {
                auth.CheckOrigin(origin);
                checkedOrigin = origin;
            }
            if (!request.Headers.TryGetValues("Host", out IEnumerable<string> values))
                return;
            string[] hosts = values.ToArray();
            if (hosts.Length != 1 || hosts[0].IndexOfAny("/?#@\\".ToCharArray()) >= 0)
                throw new TcAuthException(Status.OtherOrigin);
            try
            {
                auth.CheckOrigin(request.RequestUri.Scheme + "://" + hosts[0]);
            }
            catch (TcAuthException)
            {
                throw new TcAuthException(Status.OtherOrigin); // also for an invalid host
            }
        }

        private async Task RenewIfDueAsync(CancellationToken cancellationToken)
        {
            Status status = auth.TryPoll(TimeSpan.Zero, out Renewal renewal); // most requests need no wait
            if (status == Status.RenewalTimeout)
                renewal = await auth.PollAsync(MaxWait, cancellationToken).ConfigureAwait(false);
            else
                TcAuthException.ThrowIfFailed(status);
            if (renewal == null)
                return;

            // Others wait for this renewal, so it continues if our caller cancels.
            Task renewing = RenewAsync(renewal);
            using (var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
            {
                await Task.WhenAny(renewing, Task.Delay(Timeout.Infinite, stop.Token)).ConfigureAwait(false);
                stop.Cancel();
            }
            cancellationToken.ThrowIfCancellationRequested();
            await renewing.ConfigureAwait(false);
        }

        private async Task RenewAsync(Renewal renewal)
        {
            Status? status;
            string message;
            using (renewal) // cancels the ticket if it was not completed
            {
                try
                {
                    (status, message) = await ExchangeAsync(renewal).ConfigureAwait(false);
                }
                catch (Exception e)
                {
                    status = null;
                    message = KindOf(e);
                }
            }
            Tell(RenewalFinished, new RenewalFinishedEventArgs(status, message));
        }

        private void Tell<T>(EventHandler<T> methods, T happened)
        {
            try
            {
                methods?.Invoke(this, happened);
            }
            catch
            {
                // Ignored, as documented: it must not fail a request.
            }
        }

        /// <summary>
        /// Sends the renewal and completes the ticket. When the first byte of the response arrives, the old token is
        /// already invalid. So what arrived is used even if the transfer fails or takes too long: it may contain the
        /// new token.
        /// </summary>
        private async Task<(Status? Status, string Message)> ExchangeAsync(Renewal renewal)
        {
            using (var timeout = new CancellationTokenSource(renewalTimeout))
            using (var transport = RenewalTransport(out HttpContent content))
            using (var request = new HttpRequestMessage(HttpMethod.Get, renewal.GetUrl()) { Content = content })
            {
                // The default of older runtimes is 2.0, with which a connection may be shared. The default VersionPolicy
                // of .NET 5 and later allows no higher version than this.
                request.Version = HttpVersion.Version11;
                request.Headers.ConnectionClose = true;
                Task deadline = Task.Delay(Timeout.Infinite, timeout.Token);
                Task<HttpResponseMessage> sending = transport.SendAsync(request, timeout.Token);
                if (await Task.WhenAny(sending, deadline).ConfigureAwait(false) != sending)
                {
                    DisposeLate(sending); // some handlers can't be cancelled
                    return (null, nameof(TimeoutException));
                }
                using (HttpResponseMessage response = await sending.ConfigureAwait(false))
                {
                    int httpStatus = (int)response.StatusCode;
                    // After a 101 there is no body, but another protocol.
                    HttpContent answer = httpStatus < 200 ? null : response.Content;
                    bool chunked = response.Headers.TransferEncodingChunked == true;
                    using (var body = new ReplayStream(answer, response, byByte: chunked))
                    {
                        await body.ReadAheadAsync(MaxRenewalBody, deadline).ConfigureAwait(false);
                        Status status = renewal.TryComplete(httpStatus, body.Start, body.Count, out string message);
                        if (status == Status.RenewalBadResponse && body.GivenUp)
                            return (null, nameof(TimeoutException));
                        if (status == Status.RenewalBadResponse && body.Failure != null)
                            return (null, KindOf(body.Failure));
                        return (status, message);
                    }
                }
            }
        }

        private static void DisposeLate(Task<HttpResponseMessage> sending) => sending.ContinueWith(
            task =>
            {
                if (task.Status == TaskStatus.RanToCompletion)
                    task.Result?.Dispose();
                return task.Exception; // reading it prevents an UnobservedTaskException event
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        /// <summary>Only the type of an exception: its message could contain the URL with the token.</summary>
        private static string KindOf(Exception e) =>
            e is OperationCanceledException ? nameof(TimeoutException) : e.GetBaseException().GetType().Name;

        /// <summary>
        /// Returns what sends the renewal only once. A client repeats a GET if a kept connection is dead, and the
        /// repetition would use a token that is already invalid. So an HttpClientHandler or a SocketsHttpHandler gets a
        /// twin, which has no connections yet. A derived class gets none, because a twin would lack its code. Any other
        /// handler sends the renewal itself, with a content that can be sent only once.
        /// </summary>
        private HttpMessageInvoker RenewalTransport(out HttpContent content)
        {
            content = null;
            HttpMessageHandler innermost = Innermost();
            HttpMessageHandler twin = innermost.GetType() == typeof(HttpClientHandler)
                ? Twin((HttpClientHandler)innermost) : TwinOfSockets(innermost);
            if (twin != null)
                return new HttpMessageInvoker(twin);
            content = new OnceContent();
            return new HttpMessageInvoker(innermost, disposeHandler: false);
        }

        private static HttpMessageHandler Twin(HttpClientHandler original)
        {
            var twin = new HttpClientHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                UseProxy = original.UseProxy,
                SslProtocols = original.SslProtocols,
                CheckCertificateRevocationList = original.CheckCertificateRevocationList,
                ClientCertificateOptions = original.ClientCertificateOptions,
                ServerCertificateCustomValidationCallback = original.ServerCertificateCustomValidationCallback,
            };
            if (original.UseProxy) // otherwise the setters may throw
            {
                twin.Proxy = original.Proxy;
                twin.DefaultProxyCredentials = original.DefaultProxyCredentials;
            }
            if (original.ClientCertificateOptions == ClientCertificateOption.Manual)
                twin.ClientCertificates.AddRange(original.ClientCertificates);
            return Untraced(twin);
        }

        /// <summary>
        /// Returns what sends the requests of an HttpClientHandler, without the part that tells monitoring agents their
        /// URLs. It is in a private field of .NET Core 2.1 to 3.1, or of .NET 5 and later. Without that field, as on mono,
        /// it returns the handler itself.
        /// </summary>
        private static HttpMessageHandler Untraced(HttpClientHandler handler)
        {
            foreach (string name in new[] { "_socketsHttpHandler", "_underlyingHandler" })
            {
                object sender = typeof(HttpClientHandler).GetField(name, BindingFlags.NonPublic | BindingFlags.Instance)
                    ?.GetValue(handler);
                if (sender?.GetType().FullName != "System.Net.Http.SocketsHttpHandler")
                    continue;
                StopPropagation(sender);
                return (HttpMessageHandler)sender;
            }
            return handler;
        }

        /// <summary>.NET 6 and later: keeps the URL, which contains the token, out of tracing.</summary>
        private static void StopPropagation(object socketsHandler) =>
            socketsHandler.GetType().GetRuntimeProperty("ActivityHeadersPropagator")?.SetValue(socketsHandler, null);

        /// <summary>
        /// Uses reflection, because .NET Standard 2.0 does not have SocketsHttpHandler. Returns null for any other
        /// handler. Also returns null if a property is missing in a trimmed program: without it the twin could use
        /// another proxy or trust another certificate.
        /// </summary>
        private static HttpMessageHandler TwinOfSockets(HttpMessageHandler original)
        {
            Type type = original.GetType();
            if (type.FullName != "System.Net.Http.SocketsHttpHandler"
                || type.Assembly != typeof(HttpMessageHandler).Assembly)
                return null;
            IEnumerable<string> names = new[]
            {
                "AllowAutoRedirect", "UseProxy", "Proxy", "DefaultProxyCredentials", "SslOptions", "ConnectTimeout",
            };
            if (Environment.Version.Major >= 5)
                names = names.Concat(new[] { "ConnectCallback", "PlaintextStreamFilter" });
            PropertyInfo[] properties = names.Select(name => type.GetRuntimeProperty(name)).ToArray();
            if (properties.Any(property => property == null || !property.CanRead || !property.CanWrite))
                return null;

            var twin = (HttpMessageHandler)Activator.CreateInstance(type);
            foreach (PropertyInfo property in properties)
                property.SetValue(twin, property.GetValue(original));
            type.GetRuntimeProperty("UseCookies")?.SetValue(twin, false);
            StopPropagation(twin);
            return twin;
        }

        /// <summary>
        /// An empty content that can be sent only once. Clients repeat a request after a redirect or a demand for
        /// credentials; the second write throws. If a kept connection is dead, SocketsHttpHandler repeats only requests
        /// without content.
        /// </summary>
        private sealed class OnceContent : HttpContent
        {
            private int writes;

            protected override Task SerializeToStreamAsync(Stream stream, TransportContext context) =>
                Interlocked.Increment(ref writes) == 1
                    ? Task.CompletedTask : throw new InvalidOperationException("A renewal is sent only once.");

            protected override bool TryComputeLength(out long length)
            {
                length = 0;
                return true;
            }
        }

        /// <summary>Reviews the start of a refusal, and returns whether its transfer has ended. The response can still
        /// be read from its beginning.</summary>
        private async Task<(Advice Advice, bool Ended)> ReviewAsync(
            HttpRequestMessage request, Headers sent, HttpResponseMessage response, CancellationToken cancellationToken)
        {
            if (response.StatusCode != HttpStatusCode.BadRequest && response.StatusCode != HttpStatusCode.Unauthorized
                && response.StatusCode != HttpStatusCode.Forbidden)
                return (Advice.Accepted, false);

            try
            {
                HttpContent original = response.Content;
                long? length = original?.Headers.ContentLength; // some types lose it when they are read
                var body = new ReplayStream(original, original);
                if (original != null)
                {
                    response.Content = new StreamContent(body);
                    foreach (var header in original.Headers)
                        response.Content.Headers.TryAddWithoutValidation(header.Key, header.Value);
                    response.Content.Headers.ContentLength = length;
                }
                using (var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
                {
                    Task deadline = Task.Delay(reviewTimeout, stop.Token); // it ends early if the caller cancels
                    await body.ReadAheadAsync(MaxReviewedBody, deadline).ConfigureAwait(false);
                    stop.Cancel(); // ends the timer
                }
                cancellationToken.ThrowIfCancellationRequested();
                Advice advice = auth.ReviewStart(
                    sent, (int)response.StatusCode, Date(request, response), body.Start, body.Count);
                return (advice, body.Ended);
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }

        /// <summary>The Date header if it can be trusted to correct the clock: one that came over TLS and not from a
        /// cache.</summary>
        private static string Date(HttpRequestMessage request, HttpResponseMessage response)
        {
            if (request.RequestUri.Scheme != Uri.UriSchemeHttps || response.Headers.Contains("Age")
                || !response.Headers.TryGetValues("Date", out var dates))
                return null;
            string[] values = dates.ToArray();
            return values.Length == 1 ? values[0] : null;
        }

        /// <summary>
        /// Content that stores its bytes can be sent again, and a stream that can seek. Other content may be empty the
        /// second time, even if it has a length.
        /// </summary>
        private static async Task<bool> CanBeSentAgainAsync(HttpContent content)
        {
            if (content is MultipartContent parts)
            {
                foreach (HttpContent part in parts)
                {
                    if (!await CanBeSentAgainAsync(part).ConfigureAwait(false))
                        return false;
                }
                return true;
            }
            try
            {
                if (content is StreamContent || content is ByteArrayContent)
                    return (await content.ReadAsStreamAsync().ConfigureAwait(false)).CanSeek;
            }
            catch (ObjectDisposedException)
            {
                return false; // some handlers dispose what they have sent
            }
            return content == null;
        }
    }
}
