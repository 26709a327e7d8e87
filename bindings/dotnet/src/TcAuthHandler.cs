using System;
using System.Collections.Generic;
using System.Diagnostics;
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
    /// Signs what an HttpClient sends, renews the token when it is due, and sends a request once more if the server
    /// refused it and that is of any use. One handler may serve any number of threads.
    /// </summary>
    /// <remarks>
    /// <para>Only requests to the origin of the handle's API path are signed. For another URL, or a Host header that
    /// names another server, SendAsync throws a <see cref="TcAuthException"/> with <see cref="Status.OtherOrigin"/>;
    /// nothing is sent, and no token is renewed. With an API path of plain http, everyone on the way, a proxy included,
    /// can read the token and the requests. Redirects are not followed but handed to the caller. Authorization and
    /// Timestamp headers of the request are replaced.</para>
    /// <para>Put it last, after handlers that change the request, for what it signs must be what is sent. The
    /// <see cref="Auth"/> stays yours: dispose it after the HttpClient.</para>
    /// <para>The renewal goes past all handlers but the innermost. It is sent once, over HTTP/1.1, and ends after 30
    /// seconds at most. It has a connection of its own if the innermost is an HttpClientHandler or a
    /// SocketsHttpHandler, which is recommended. A class derived from HttpClientHandler, and any other handler, sends
    /// it itself, maybe on a kept connection. Of the response up to 1 MiB is read; what came is used even if the
    /// transfer ends badly.</para>
    /// <para>Of a response with status 400, 401 or 403 up to 64 KiB are read before the caller gets it, for at most 10
    /// seconds. The caller can still read all of the body, and gets the error if the transfer ends badly.</para>
    /// </remarks>
    public sealed class TcAuthHandler : DelegatingHandler
    {
        private const int MaxReviewedBody = 64 * 1024;
        private const int MaxRenewalBody = 1024 * 1024;
        private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60); // for somebody else's renewal
        private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(10);

        private readonly Auth auth;
        private readonly object gate = new object();
        private volatile string checkedOrigin; // the last good one, so that it is not checked for each request
        private TimeSpan renewalTimeout = TimeSpan.FromSeconds(30); // the tests have shorter ones
        private TimeSpan reviewTimeout = TimeSpan.FromSeconds(10);

        /// <summary>
        /// For a pipeline that sets InnerHandler. If none has been set at the first request, the handler makes an
        /// HttpClientHandler that follows no redirects.
        /// </summary>
        /// <param name="auth">A handle with an API path.</param>
        /// <exception cref="TcAuthException"><see cref="Status.ApiPathMissing"/>.</exception>
        public TcAuthHandler(Auth auth)
        {
            new UrlBuilder(auth, "/").Dispose(); // throws if there is no API path
            this.auth = auth;
        }

        /// <summary>Puts the handler before another one.</summary>
        /// <param name="auth">A handle with an API path.</param>
        /// <param name="innerHandler">Where signed requests go. It is disposed with this handler.</param>
        /// <exception cref="TcAuthException"><see cref="Status.ApiPathMissing"/>.</exception>
        /// <exception cref="InvalidOperationException">The innermost handler follows redirects.</exception>
        public TcAuthHandler(Auth auth, HttpMessageHandler innerHandler) : this(auth)
        {
            InnerHandler = innerHandler ?? throw new ArgumentNullException(nameof(innerHandler));
            Innermost();
        }

        /// <summary>
        /// A renewal has ended, well or not. It is raised on any thread, when nobody waits for the renewal any more.
        /// What your method throws is swallowed, for it must not become the failure of a request.
        /// </summary>
        public event EventHandler<RenewalFinishedEventArgs> RenewalFinished;

        /// <summary>
        /// A refusal is about to be handed to the caller. It is raised on any thread. What your method throws the
        /// caller gets instead of the response.
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

        /// <summary>Null if the request can't be sent again; then the first response is the best that there
        /// is.</summary>
        private async Task<Headers> SignAgainAsync(
            HttpRequestMessage request, HttpResponseMessage first, bool ended, CancellationToken cancellationToken)
        {
            try
            {
                if (!await CanBeSentAgainAsync(request.Content).ConfigureAwait(false))
                    return null;
                // The rest of a long or slow body keeps a connection, which the renewal may be in need of. So that
                // response goes first, and if signing fails the caller gets the error.
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
        /// Where all requests end. It is looked up and checked each time, for a pipeline can be changed until it has
        /// sent something, and a handler of somebody's own even later.
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

        /// <summary>Others than HttpClientHandler by name, for this assembly knows neither SocketsHttpHandler nor
        /// WinHttpHandler. What can't be read counts as on.</summary>
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
            // PathAndQuery is what every handler writes on the wire: after Uri has normalised it.
            Uri uri = request.RequestUri;
            string origin = uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);
            CheckOrigin(request, origin); // before the renewal: a foreign request must not cause one
            await RenewIfDueAsync(cancellationToken).ConfigureAwait(false);

            // HTTP methods have cases, and the upper one is signed.
            string method = request.Method.Method.ToUpperInvariant();
            if (method != request.Method.Method)
                request.Method = new HttpMethod(method);

            Headers headers = auth.GetHeaders(method, origin + uri.PathAndQuery);
            request.Headers.Remove("Timestamp"); // with a token there is none to replace it
            request.Content?.Headers.Remove("Timestamp"); // on the wire they stand side by side
            foreach (var header in headers)
            {
                request.Headers.Remove(header.Key);
                request.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }
            return headers;
        }

        /// <summary>
        /// A Host header decides which site of a server gets the request, and clients send even one that is no host.
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
                throw new TcAuthException(Status.OtherOrigin); // no host at all is not the right one either
            }
        }

        private async Task RenewIfDueAsync(CancellationToken cancellationToken)
        {
            Stopwatch waited = Stopwatch.StartNew();
            Renewal renewal;
            Status status;
            while ((status = auth.TryPoll(TimeSpan.Zero, out renewal)) == Status.RenewalTimeout
                && waited.Elapsed < MaxWait)
                await Task.Delay(PollInterval, cancellationToken).ConfigureAwait(false);
            TcAuthException.ThrowIfFailed(status);
            if (renewal == null)
                return;

            // Others wait for this renewal: if our caller goes away it is completed without him.
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
            using (renewal) // whatever goes wrong, the ticket is given back
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
            try
            {
                RenewalFinished?.Invoke(this, new RenewalFinishedEventArgs(status, message));
            }
            catch
            {
                // As documented: a request waits for this task, and could not tell what has failed.
            }
        }

        /// <summary>
        /// Sends the renewal and hands in the response. The server has killed the old token when the first byte comes
        /// back, so what came is handed in even if the transfer ends badly or takes too long: the token may be in it.
        /// </summary>
        private async Task<(Status? Status, string Message)> ExchangeAsync(Renewal renewal)
        {
            using (var timeout = new CancellationTokenSource(renewalTimeout))
            using (var transport = RenewalTransport(out HttpContent content))
            using (var request = new HttpRequestMessage(HttpMethod.Get, renewal.Url) { Content = content })
            {
                // Older runtimes have 2.0 as default, which allows a shared connection. The default VersionPolicy of
                // .NET 5 and later allows no higher version.
                request.Version = HttpVersion.Version11;
                request.Headers.ConnectionClose = true;
                Task deadline = Task.Delay(Timeout.Infinite, timeout.Token);
                Task<HttpResponseMessage> sending = transport.SendAsync(request, timeout.Token);
                if (await Task.WhenAny(sending, deadline).ConfigureAwait(false) != sending)
                {
                    DisposeLate(sending); // there are handlers that can't be cancelled
                    return (null, nameof(TimeoutException));
                }
                using (HttpResponseMessage response = await sending.ConfigureAwait(false))
                {
                    int httpStatus = (int)response.StatusCode;
                    // What follows 101 is another protocol, and no body.
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
                return task.Exception; // looked at, so that nobody is told of it
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        /// <summary>Not its message: that could hold the URL, and with it the token.</summary>
        private static string KindOf(Exception e) =>
            e is OperationCanceledException ? nameof(TimeoutException) : e.GetBaseException().GetType().Name;

        /// <summary>
        /// A way to send the renewal once: a client repeats a GET when the kept connection that it took turns out to
        /// be dead, and the second would renew a token that the first has killed. So an HttpClientHandler and a
        /// SocketsHttpHandler get a twin, which has no connections yet; not one of a derived class, whose own ways
        /// would be passed by. Another handler sends the renewal itself, with a content that can be sent only once.
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

        private static HttpClientHandler Twin(HttpClientHandler original)
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
            if (original.UseProxy) // else the setters may throw
            {
                twin.Proxy = original.Proxy;
                twin.DefaultProxyCredentials = original.DefaultProxyCredentials;
            }
            if (original.ClientCertificateOptions == ClientCertificateOption.Manual)
                twin.ClientCertificates.AddRange(original.ClientCertificates);
            return twin;
        }

        /// <summary>
        /// By name, for this assembly does not know SocketsHttpHandler. Null for any other handler, and if a trimmed
        /// program lacks a property: without it the twin could take another way or trust another certificate.
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
            // .NET 6 and later: keeps the URL, which holds the token, from tracing.
            type.GetRuntimeProperty("ActivityHeadersPropagator")?.SetValue(twin, null);
            return twin;
        }

        /// <summary>
        /// An empty content that is written once. Clients send a request again after a redirect or a demand for
        /// credentials, and SocketsHttpHandler sends none with content again when a kept connection is dead.
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

        /// <summary>Reads the start of a refusal, tells whether its transfer has ended, and leaves the response as if
        /// that had not happened.</summary>
        private async Task<(Advice Advice, bool Ended)> ReviewAsync(
            HttpRequestMessage request, Headers sent, HttpResponseMessage response, CancellationToken cancellationToken)
        {
            if (response.StatusCode != HttpStatusCode.BadRequest && response.StatusCode != HttpStatusCode.Unauthorized
                && response.StatusCode != HttpStatusCode.Forbidden)
                return (Advice.Accepted, false);

            try
            {
                HttpContent original = response.Content;
                long? length = original?.Headers.ContentLength; // some contents know it only until they are read
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

        /// <summary>The Date header, if a clock can be set by it: not over plain HTTP, and not by a cache.</summary>
        private static string Date(HttpRequestMessage request, HttpResponseMessage response)
        {
            if (request.RequestUri.Scheme != Uri.UriSchemeHttps || response.Headers.Contains("Age")
                || !response.Headers.TryGetValues("Date", out var dates))
                return null;
            string[] values = dates.ToArray();
            return values.Length == 1 ? values[0] : null;
        }

        /// <summary>
        /// What holds its bytes can be sent again, and a stream that can be wound back. Other content may run dry, even
        /// if it knows its length.
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
                return false; // there are handlers that dispose what they have sent
            }
            return content == null;
        }
    }
}
