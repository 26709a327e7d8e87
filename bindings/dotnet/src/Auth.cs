using System;
using System.Text;

namespace TcAuth
{
    /// <summary>
    /// One identity at one ThreatConnect instance: an access id with its secret key, or an API token.
    /// Make it once and share it: all members may be used from any number of threads at once, <see cref="Dispose"/>
    /// too; the native handle is freed when the last running call has returned.
    /// </summary>
    /// <remarks>
    /// All members throw <see cref="ObjectDisposedException"/> after Dispose, and <see cref="TcAuthException"/> with
    /// the status that they name. A string that holds a NUL or half a surrogate pair is refused like any other
    /// character that does not belong there. Only <see cref="Poll"/> ever waits.
    /// </remarks>
    public sealed unsafe class Auth : IDisposable
    {
        private const int MaxStackText = 4096;
        private const int StackAuthorization = 512;

        private readonly AuthHandle handle;

        private Auth(Status status, AuthHandle handle, string detail = null)
        {
            TcAuthException.ThrowIfFailed(status, detail);
            this.handle = handle;
        }

        /// <summary>Names this class if it is closed. A call that Dispose overtakes after that throws as
        /// well.</summary>
        internal AuthHandle Handle =>
            handle.IsClosed ? throw new ObjectDisposedException(typeof(Auth).FullName) : handle;

        /// <summary>Makes a handle that signs requests with HMAC-SHA256.</summary>
        /// <param name="accessId">Visible ASCII, not empty.</param>
        /// <param name="secretKey">Not empty, no control characters. Nothing of it is kept but the state of a keyed
        /// hash.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidAccessId"/>,
        /// <see cref="Status.InvalidSecretKey"/>.</exception>
        public static Auth FromKeyPair(string accessId, string secretKey)
        {
            using (var id = new Utf8(accessId, nameof(accessId), Status.InvalidAccessId))
            using (var key = new Utf8(secretKey, nameof(secretKey), Status.InvalidSecretKey))
                return new Auth(Native.tc_auth_new_hmac(id.Pointer, key.Pointer, out AuthHandle handle), handle);
        }

        /// <summary>Makes a handle that shows an API token.</summary>
        /// <param name="token">Visible ASCII, not empty.</param>
        /// <param name="expires">When it ends; null or the epoch if that is not known.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidToken"/>,
        /// <see cref="Status.InvalidTime"/>.</exception>
        public static Auth FromToken(string token, DateTimeOffset? expires = null)
        {
            using (var text = new Utf8(token, nameof(token), Status.InvalidToken))
                return new Auth(
                    Native.tc_auth_new_token(text.Pointer, Expiry(expires), out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from a JSON object of the platform's parameters: tc_token, tc_token_expires, tc_api_path,
        /// tc_api_access_id, tc_api_secret_key. With both kinds of credentials the token wins.
        /// </summary>
        /// <param name="json">The object, at most 1 MiB.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.ConfigSyntax"/>, <see cref="Status.NoCredentials"/>,
        /// or the status of the part that can't be used.</exception>
        public static Auth FromJson(string json)
        {
            using (var text = new Utf8(json, nameof(json), Status.InvalidArgument))
                return new Auth(
                    Native.tc_auth_from_json(text.Pointer, (UIntPtr)(uint)text.Length, out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from command-line arguments: --tc_token X or --tc_token=X, and likewise the other names of
        /// <see cref="FromJson"/>. Others are passed over.
        /// </summary>
        /// <param name="args">Those of Main.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException">As in <see cref="FromJson"/>.</exception>
        public static Auth FromArgs(string[] args)
        {
            using (var list = new Utf8Array(args, nameof(args)))
            fixed (byte** argv = list.Pointers)
                return new Auth(Native.tc_auth_from_args(list.Count, argv, out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from the environment variables TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID
        /// and TC_API_SECRET_KEY, as the process was started with them: what Environment.SetEnvironmentVariable
        /// changes may not be seen. Call it before you start threads.
        /// </summary>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException">As in <see cref="FromJson"/>.</exception>
        public static Auth FromEnvironment() => new Auth(Native.tc_auth_from_env(out AuthHandle handle), handle);

        /// <summary>
        /// Makes a handle from the encrypted file in which the platform passes parameters. The file is left where it
        /// is.
        /// </summary>
        /// <param name="path">Of the file, which TC_APP_PARAM_FILE names.</param>
        /// <param name="key">16, 24 or 32 bytes in UTF-8, from TC_APP_PARAM_KEY.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.ConfigIo"/>, <see cref="Status.ConfigDecrypt"/>, or as
        /// in <see cref="FromJson"/>.</exception>
        public static Auth FromParamFile(string path, string key)
        {
            using (var pathText = new Utf8(path, nameof(path), Status.InvalidArgument))
            using (var keyText = new Utf8(key, nameof(key), Status.InvalidArgument))
                return new Auth(
                    Native.tc_auth_from_param_file(pathText.Pointer, keyText.Pointer, out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from wherever the platform has put its parameters: the arguments, then the file that
        /// TC_APP_PARAM_FILE and TC_APP_PARAM_KEY name, then the environment. The first source that names any
        /// credential is used, alone.
        /// </summary>
        /// <param name="args">Those of Main; may be empty.</param>
        /// <param name="why">A line on what was looked at and found, by name, without secrets.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException">As in <see cref="FromJson"/> and <see cref="FromParamFile"/>; its Detail
        /// is the line on what was looked at.</exception>
        public static Auth Discover(string[] args, out string why)
        {
            using (var list = new Utf8Array(args, nameof(args)))
            fixed (byte** argv = list.Pointers)
            {
                byte* text = null;
                Status status = Native.tc_auth_discover(list.Count, argv, &text, out AuthHandle handle);
                why = Native.Take(text);
                return new Auth(status, handle, why);
            }
        }

        /// <summary>The version of the C library that is running, such as "0.1.0".</summary>
        public static string LibraryVersion => Native.Read(Native.tc_auth_version());

        /// <summary>One sentence in English for a status: what is wrong, and what to do about it.</summary>
        /// <param name="status">Any number is accepted.</param>
        /// <returns>The sentence, never null.</returns>
        public static string StatusMessage(Status status) => Native.Read(Native.tc_auth_status_message((int)status));

        /// <summary>
        /// The string that is signed, such as "/api/v3/indicators:GET:1513703787": for support, and for comparison
        /// with what another implementation signs.
        /// </summary>
        /// <param name="method">As in <see cref="GetHeaders"/>.</param>
        /// <param name="uri">As in <see cref="GetHeaders"/>.</param>
        /// <param name="time">The second that was signed.</param>
        /// <returns>The string.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidMethod"/>, <see cref="Status.InvalidUriForm"/>,
        /// <see cref="Status.InvalidUriByte"/>, <see cref="Status.InvalidTime"/>.</exception>
        public static string StringToSign(string method, string uri, DateTimeOffset time)
        {
            using (var methodText = new Utf8(method, nameof(method), Status.InvalidMethod))
            using (var uriText = new Utf8(uri, nameof(uri), Status.InvalidUriByte))
            {
                TcAuthException.ThrowIfFailed(Native.tc_auth_string_to_sign(
                    methodText.Pointer, uriText.Pointer, time.ToUnixTimeSeconds(), out byte* text));
                return Native.Take(text);
            }
        }

        /// <summary>What the handle proves its identity with.</summary>
        public Kind Kind => Native.tc_auth_get_kind(Handle);

        /// <summary>
        /// What has to be added to this machine's clock to get the server's time, in whole seconds; up to a day
        /// either way, and zero at first. <see cref="Review"/> can set it, too.
        /// </summary>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidArgument"/>: more than a day.</exception>
        public TimeSpan ClockOffset
        {
            get
            {
                TcAuthException.ThrowIfFailed(Native.tc_auth_clock_offset(Handle, out long seconds));
                return TimeSpan.FromSeconds(seconds);
            }
            set => TcAuthException.ThrowIfFailed(Native.tc_auth_set_clock_offset(Handle, Seconds(value)));
        }

        /// <summary>
        /// One line for a log: the kind, the access id or the token's expiry, and the API path; nothing of a secret
        /// key or a token.
        /// </summary>
        /// <returns>The line.</returns>
        public string Describe()
        {
            TcAuthException.ThrowIfFailed(Native.tc_auth_describe(Handle, out byte* text));
            return Native.Take(text);
        }

        /// <summary>The line of <see cref="Describe"/>; "closed" after Dispose. It never throws.</summary>
        /// <returns>The line.</returns>
        public override string ToString()
        {
            try
            {
                return Describe();
            }
            catch (Exception e)
            {
                return e is ObjectDisposedException ? "closed" : e.Message;
            }
        }

        /// <summary>Makes the headers for one request.</summary>
        /// <param name="method">Such as "GET"; at most 64 characters. It is signed in upper case, so send it like
        /// that.</param>
        /// <param name="uri">A path with query ("/api/v3/indicators?resultLimit=10") or an absolute http or https
        /// URL, exactly as it will be sent. A path is signed as it stands: no API path is put before it.</param>
        /// <param name="time">The second to sign, against which a token's expiry is checked as well; null for now,
        /// with the <see cref="ClockOffset"/>.</param>
        /// <returns>The headers to set on the request.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidMethod"/>, <see cref="Status.InvalidUriForm"/>,
        /// <see cref="Status.InvalidUriByte"/>, <see cref="Status.InvalidTime"/>, <see cref="Status.OtherOrigin"/>
        /// (not the server of the API path), <see cref="Status.TokenExpired"/>; <see cref="Status.InvalidArgument"/>
        /// for more than 700 million characters.</exception>
        public Headers GetHeaders(string method, string uri, DateTimeOffset? time = null)
        {
            if (method == null)
                throw new ArgumentNullException(nameof(method));
            if (uri == null)
                throw new ArgumentNullException(nameof(uri));
            long needed = 3 * ((long)method.Length + uri.Length) + 1;
            if (needed > int.MaxValue)
                throw new TcAuthException(Status.InvalidArgument);
            int capacity = (int)needed;
            byte[] heap = capacity > MaxStackText ? new byte[capacity] : null;
            byte* stack = stackalloc byte[heap == null ? capacity : 1];
            fixed (byte* pinned = heap)
            {
                byte* text = heap == null ? stack : pinned;
                int methodLength = Utf8.Copy(method, text, capacity);
                int uriLength = Utf8.Copy(uri, text + methodLength, capacity - methodLength);
                return HeadersOf(text, methodLength, text + methodLength, uriLength, UnixTime(time));
            }
        }

        /// <summary>Throws what <see cref="GetHeaders"/> throws for a URL, whatever the token is worth.</summary>
        internal void CheckOrigin(string url)
        {
            using (var methodText = new Utf8("GET", null, Status.InvalidMethod))
            using (var text = new Utf8(url, nameof(url), Status.InvalidUriByte))
            {
                UIntPtr length;
                long timestamp;
                Status status = Native.tc_auth_headers_into(
                    Handle, methodText.Pointer, (UIntPtr)(uint)methodText.Length, text.Pointer,
                    (UIntPtr)(uint)text.Length, UnixTime(null), null, UIntPtr.Zero, &length, &timestamp);
                if (status != Status.BufferTooSmall && status != Status.TokenExpired) // both come after the URL
                    TcAuthException.ThrowIfFailed(status);
            }
        }

        private Headers HeadersOf(byte* method, int methodLength, byte* uri, int uriLength, long unixTime)
        {
            byte* buffer = stackalloc byte[StackAuthorization];
            UIntPtr length;
            long timestamp;
            Status status = Native.tc_auth_headers_into(
                Handle, method, (UIntPtr)(uint)methodLength, uri, (UIntPtr)(uint)uriLength, unixTime,
                buffer, (UIntPtr)StackAuthorization, &length, &timestamp);
            string authorization = status == Status.Ok ? Utf8.Take(buffer, (int)length) : null;
            while (status == Status.BufferTooSmall) // a long token, which another thread may replace by a longer one
            {
                var larger = new byte[(int)length + 1];
                fixed (byte* pinned = larger) // until it is wiped: it must not be moved before
                {
                    status = Native.tc_auth_headers_into(
                        Handle, method, (UIntPtr)(uint)methodLength, uri, (UIntPtr)(uint)uriLength, unixTime,
                        pinned, (UIntPtr)(uint)larger.Length, &length, &timestamp);
                    if (status == Status.Ok)
                        authorization = Utf8.Take(pinned, (int)length);
                }
            }
            TcAuthException.ThrowIfFailed(status);
            return new Headers(authorization, timestamp == Native.NoTimestamp ? (long?)null : timestamp);
        }

        /// <summary>
        /// Replaces the token, at once and for every thread. The same token with another expiry only changes the
        /// expiry.
        /// </summary>
        /// <param name="token">As in <see cref="FromToken"/>.</param>
        /// <param name="expires">As in <see cref="FromToken"/>.</param>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>, <see cref="Status.InvalidToken"/>,
        /// <see cref="Status.InvalidTime"/>. The old token then stays.</exception>
        public void UpdateToken(string token, DateTimeOffset? expires = null)
        {
            using (var text = new Utf8(token, nameof(token), Status.InvalidToken))
                TcAuthException.ThrowIfFailed(Native.tc_auth_update_token(Handle, text.Pointer, Expiry(expires)));
        }

        /// <summary>
        /// The current token and its expiry, both of the same moment: to hand them on to another process, not to log
        /// them.
        /// </summary>
        /// <returns>The token, and when it ends; null if that is not known.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>.</exception>
        public (string Token, DateTimeOffset? Expires) GetToken()
        {
            TcAuthException.ThrowIfFailed(Native.tc_auth_token(Handle, out byte* token, out long expires));
            return (Native.Take(token),
                expires == Native.NoExpiry ? (DateTimeOffset?)null : DateTimeOffset.FromUnixTimeSeconds(expires));
        }

        /// <summary>
        /// Tells where the platform's API is, such as "https://company.example/api". From then on a URL of another
        /// scheme, host or port is refused, and a token can be renewed. Set it before you share the handle.
        /// </summary>
        /// <param name="apiPath">An absolute http or https URL without user, query or fragment.</param>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidUriForm"/>,
        /// <see cref="Status.InvalidUriByte"/>, <see cref="Status.AlreadySet"/>.</exception>
        public void SetApiPath(string apiPath)
        {
            using (var text = new Utf8(apiPath, nameof(apiPath), Status.InvalidUriByte))
                TcAuthException.ThrowIfFailed(Native.tc_auth_set_api_path(Handle, text.Pointer));
        }

        /// <summary>
        /// Sets how long before its expiry a token is due to be renewed, but not in the first half of the life that
        /// it had left when it was set.
        /// </summary>
        /// <param name="window">Whole seconds, up to a day; a minute at first.</param>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>,
        /// <see cref="Status.InvalidArgument"/>.</exception>
        public void SetRenewalWindow(TimeSpan window) =>
            TcAuthException.ThrowIfFailed(Native.tc_auth_set_renewal_window(Handle, Seconds(window)));

        /// <summary>
        /// To be called before each request is signed: says whether to go ahead, or to renew the token first.
        /// </summary>
        /// <param name="maxWait">How long to wait, in whole milliseconds, for somebody else's renewal: longer than
        /// your HTTP client may take for it. It blocks this thread; zero does not.</param>
        /// <returns>Null: go ahead and sign. A ticket: renew, then go ahead and sign, whatever came of it.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.RenewalTimeout"/>: somebody else's renewal is still
        /// under way, so poll again or give up. <see cref="Status.InvalidArgument"/>: a negative wait.</exception>
        public Renewal Poll(TimeSpan maxWait)
        {
            TcAuthException.ThrowIfFailed(TryPoll(maxWait, out Renewal renewal));
            return renewal;
        }

        internal Status TryPoll(TimeSpan maxWait, out Renewal renewal)
        {
            Status status = Native.tc_auth_renewal_poll(
                Handle, (long)Math.Floor(maxWait.TotalMilliseconds), out RenewalHandle ticket);
            renewal = ticket.IsInvalid ? null : new Renewal(ticket);
            if (renewal == null)
                ticket.Dispose(); // each request polls: nothing of that is left to the finalizer
            return status;
        }

        /// <summary>
        /// To be called with the answer to a signed request: says whether a retry is any use, and corrects what can
        /// be corrected (a refused token is due for renewal, a wrong clock gets an offset). It keeps no memory of
        /// requests, so count the retries yourself.
        /// </summary>
        /// <param name="sent">The headers that were sent.</param>
        /// <param name="httpStatus">The status that came back; only 400, 401 and 403 are looked at.</param>
        /// <param name="date">The Date header; null if there is none, if the response has an Age header, or if it did
        /// not come from the signed origin over TLS.</param>
        /// <param name="body">What came back; the first 64 KiB are enough.</param>
        /// <returns>What to do.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.MalformedAuthorization"/>: what was sent is not of
        /// this handle's kind. <see cref="Status.InvalidTime"/>: the sent timestamp matters and is none.</exception>
        public Advice Review(Headers sent, int httpStatus, string date, byte[] body)
        {
            if (sent == null)
                throw new ArgumentNullException(nameof(sent));
            if (body == null)
                throw new ArgumentNullException(nameof(body));
            return ReviewStart(sent, httpStatus, date, body, body.Length);
        }

        /// <summary>The same with the first bytes of a buffer.</summary>
        internal Advice ReviewStart(Headers sent, int httpStatus, string date, byte[] body, int length)
        {
            byte[] authorization = Encoding.UTF8.GetBytes(sent.Authorization);
            using (Utf8 dateText = DateText(date))
            fixed (byte* authorizationText = authorization, bytes = body)
            {
                try
                {
                    TcAuthException.ThrowIfFailed(Native.tc_auth_review(
                        Handle, authorizationText, (UIntPtr)(uint)authorization.Length,
                        sent.Timestamp ?? Native.NoTimestamp, httpStatus, dateText.Pointer, bytes,
                        (UIntPtr)(uint)length, out Advice advice));
                    return advice;
                }
                finally
                {
                    Array.Clear(authorization, 0, authorization.Length);
                }
            }
        }

        /// <summary>The server's side, for gateways, mocks and tests: checks the headers that came with a
        /// request.</summary>
        /// <param name="method">The request's method.</param>
        /// <param name="uri">The request's target, as it came.</param>
        /// <param name="authorization">The value of the Authorization header; null if there is none.</param>
        /// <param name="timestamp">The value of the Timestamp header; null if there is none.</param>
        /// <param name="tolerance">How far the timestamp may be off, in whole seconds, up to a day; ThreatConnect
        /// itself allows five minutes.</param>
        /// <param name="time">The server's time; null for now.</param>
        /// <exception cref="TcAuthException"><see cref="Status.MalformedAuthorization"/>,
        /// <see cref="Status.SignatureMismatch"/>, <see cref="Status.TimestampOutOfRange"/> or
        /// <see cref="Status.TokenExpired"/> for the headers; the others of <see cref="GetHeaders"/> for the request;
        /// <see cref="Status.InvalidArgument"/> for the tolerance.</exception>
        public void Verify(
            string method, string uri, string authorization, string timestamp, TimeSpan tolerance,
            DateTimeOffset? time = null)
        {
            using (var methodText = new Utf8(method, nameof(method), Status.InvalidMethod))
            using (var uriText = new Utf8(uri, nameof(uri), Status.InvalidUriByte))
            using (Utf8 authorizationText = Utf8.Optional(authorization, Status.MalformedAuthorization))
            using (Utf8 timestampText = Utf8.Optional(timestamp, Status.MalformedAuthorization))
                TcAuthException.ThrowIfFailed(Native.tc_auth_verify(
                    Handle, methodText.Pointer, uriText.Pointer, authorizationText.Pointer, timestampText.Pointer,
                    UnixTime(time), Seconds(tolerance)));
        }

        /// <summary>
        /// Frees the handle and wipes what it holds, as soon as no call is running. Complete your tickets first: the
        /// answer to a renewal that comes afterwards is dropped, and with it the new token.
        /// </summary>
        public void Dispose() => handle.Dispose();

        /// <summary>Unix seconds. The last second of 1969 is a bad time like the others before it, not
        /// "now".</summary>
        private static long UnixTime(DateTimeOffset? time)
        {
            if (time == null)
                return Native.Now;
            long seconds = time.Value.ToUnixTimeSeconds();
            return seconds == Native.Now ? long.MinValue : seconds;
        }

        private static long Expiry(DateTimeOffset? expires) => expires?.ToUnixTimeSeconds() ?? Native.NoExpiry;

        private static long Seconds(TimeSpan span) => (long)Math.Floor(span.TotalSeconds);

        /// <summary>A date that can't be passed counts as none.</summary>
        private static Utf8 DateText(string date)
        {
            try
            {
                return Utf8.Optional(date, Status.InvalidArgument);
            }
            catch (TcAuthException)
            {
                return default(Utf8);
            }
        }
    }
}
