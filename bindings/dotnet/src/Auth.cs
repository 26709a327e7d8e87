using System;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace TcAuth
{
    /// <summary>
    /// One identity at one ThreatConnect instance: an access id with its secret key, or an API token.
    /// Make it once and share it: any number of threads may use its members at the same time, including
    /// <see cref="Dispose"/>. The native handle is freed when the last running call has returned.
    /// </summary>
    /// <remarks>
    /// After Dispose all members throw <see cref="ObjectDisposedException"/>. A failed call throws
    /// <see cref="TcAuthException"/>; each member lists its statuses. A string with a NUL or an unpaired surrogate is
    /// refused like a string with any other invalid character. Only <see cref="Poll"/> and <see cref="PollAsync"/> wait for
    /// other callers.
    /// </remarks>
    public sealed unsafe class Auth : IDisposable
    {
        private const int MaxStackText = 4096;
        private const int StackAuthorization = 512;

        private readonly AuthHandle handle;
        private readonly Waiters waiters = new Waiters();

        private readonly object sharing = new object();
        private string sharedDirectory; // once it is shared

        internal Adoption Adoption { get; } = new Adoption();

        private Auth(Status status, AuthHandle handle, string detail = null)
        {
            TcAuthException.ThrowIfFailed(status, detail);
            this.handle = handle;
        }

        /// <summary>Throws with the name of this class if it is closed. If Dispose comes between this check and the
        /// call, the call itself throws.</summary>
        internal AuthHandle Handle =>
            handle.IsClosed ? throw new ObjectDisposedException(typeof(Auth).FullName) : handle;

        /// <summary>Makes a handle that signs requests with HMAC-SHA256.</summary>
        /// <param name="accessId">Visible ASCII, not empty.</param>
        /// <param name="secretKey">Not empty, without control characters. The handle does not keep it, only the state
        /// of a keyed hash.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidAccessId"/>,
        /// <see cref="Status.InvalidSecretKey"/>.</exception>
        public static Auth FromKeyPair(string accessId, string secretKey)
        {
            Native.Check();
            using (var id = new Utf8(accessId, nameof(accessId), Status.InvalidAccessId))
            using (var key = new Utf8(secretKey, nameof(secretKey), Status.InvalidSecretKey))
                return new Auth(Native.tc_auth_new_hmac(id.Pointer, key.Pointer, out AuthHandle handle), handle);
        }

        /// <summary>Makes a handle that uses an API token.</summary>
        /// <param name="token">Visible ASCII, not empty.</param>
        /// <param name="expires">The time at which it expires; null or the Unix epoch if it does not expire or that is
        /// unknown.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidToken"/>,
        /// <see cref="Status.InvalidTime"/>.</exception>
        public static Auth FromToken(string token, DateTimeOffset? expires = null)
        {
            Native.Check();
            using (var text = new Utf8(token, nameof(token), Status.InvalidToken))
                return new Auth(
                    Native.tc_auth_new_token(text.Pointer, Expiry(expires), out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from the platform's parameters in a JSON object: tc_token, tc_token_expires, tc_api_path,
        /// tc_api_access_id, tc_api_secret_key. If there is a token and a key pair, the token is used.
        /// </summary>
        /// <param name="json">The object, at most 1 MiB.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.ConfigSyntax"/>, <see cref="Status.NoCredentials"/>,
        /// or the status for an invalid value.</exception>
        public static Auth FromJson(string json)
        {
            Native.Check();
            using (var text = new Utf8(json, nameof(json), Status.InvalidArgument))
                return new Auth(
                    Native.tc_auth_from_json(text.Pointer, (UIntPtr)(uint)text.Length, out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from command-line arguments: --tc_token X or --tc_token=X, and the other names of
        /// <see cref="FromJson"/> in the same form. Other arguments are ignored.
        /// </summary>
        /// <param name="args">The arguments of Main.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException">As in <see cref="FromJson"/>.</exception>
        public static Auth FromArgs(string[] args)
        {
            Native.Check();
            using (var list = new Utf8Array(args, nameof(args)))
            fixed (byte** argv = list.Pointers)
                return new Auth(Native.tc_auth_from_args(list.Count, argv, out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from the environment variables TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID
        /// and TC_API_SECRET_KEY with which the process was started. It may not see what
        /// Environment.SetEnvironmentVariable has changed. Call it before you start threads.
        /// </summary>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException">As in <see cref="FromJson"/>.</exception>
        public static Auth FromEnvironment()
        {
            Native.Check();
            return new Auth(Native.tc_auth_from_env(out AuthHandle handle), handle);
        }

        /// <summary>
        /// Makes a handle from the encrypted file in which the platform passes parameters. The file is not deleted.
        /// </summary>
        /// <param name="path">The path of the file, from TC_APP_PARAM_FILE.</param>
        /// <param name="key">16, 24 or 32 bytes in UTF-8, from TC_APP_PARAM_KEY.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.ConfigIo"/>, <see cref="Status.ConfigDecrypt"/>, or as
        /// in <see cref="FromJson"/>.</exception>
        public static Auth FromParamFile(string path, string key)
        {
            Native.Check();
            using (var pathText = new Utf8(path, nameof(path), Status.InvalidArgument))
            using (var keyText = new Utf8(key, nameof(key), Status.InvalidArgument))
                return new Auth(
                    Native.tc_auth_from_param_file(pathText.Pointer, keyText.Pointer, out AuthHandle handle), handle);
        }

        /// <summary>
        /// Looks for the platform's parameters in the arguments, then in the file that TC_APP_PARAM_FILE and
        /// TC_APP_PARAM_KEY name, then in the environment. It uses only the first source that contains credentials.
        /// </summary>
        /// <param name="args">The arguments of Main; may be empty.</param>
        /// <param name="why">A line that says which names were found in which source, without secrets.</param>
        /// <returns>The handle, which is yours to dispose.</returns>
        /// <exception cref="TcAuthException">As in <see cref="FromJson"/> and <see cref="FromParamFile"/>; its Detail
        /// is the same line.</exception>
        public static Auth Discover(string[] args, out string why)
        {
            Native.Check();
            using (var list = new Utf8Array(args, nameof(args)))
            fixed (byte** argv = list.Pointers)
            {
                byte* text = null;
                Status status = Native.tc_auth_discover(list.Count, argv, &text, out AuthHandle handle);
                why = Native.Take(text);
                return new Auth(status, handle, why);
            }
        }

        /// <summary>The version of the loaded C library, such as "0.1.0"; also if it is too old for this assembly.</summary>
        public static string LibraryVersion => Native.Read(Native.tc_auth_version());

        /// <summary>The same version as a number: major &lt;&lt; 16 | minor &lt;&lt; 8 | patch.</summary>
        public static int LibraryVersionNumber
        {
            get
            {
                Native.Check();
                return (int)Native.tc_auth_version_number();
            }
        }

        /// <summary>The C library's name for a status, such as "TOKEN_EXPIRED".</summary>
        /// <param name="status">Any number is accepted.</param>
        /// <returns>The name; "UNKNOWN" if the C library does not know the number.</returns>
        public static string StatusName(Status status)
        {
            Native.Check();
            return Native.Read(Native.tc_auth_status_name((int)status));
        }

        /// <summary>A sentence in English for a status: what is wrong, and what to do.</summary>
        /// <param name="status">Any number is accepted.</param>
        /// <returns>The sentence, never null.</returns>
        public static string StatusMessage(Status status)
        {
            Native.Check();
            return Native.Read(Native.tc_auth_status_message((int)status));
        }

        /// <summary>The C library's name for an advice, such as "RETRY".</summary>
        /// <param name="advice">Any number is accepted.</param>
        /// <returns>The name; "UNKNOWN" if the C library does not know the number.</returns>
        public static string AdviceName(Advice advice)
        {
            Native.Check();
            return Native.Read(Native.tc_auth_advice_name((int)advice));
        }

        /// <summary>A sentence in English for an advice: what it means, and what to do.</summary>
        /// <param name="advice">Any number is accepted.</param>
        /// <returns>The sentence, never null.</returns>
        public static string AdviceMessage(Advice advice)
        {
            Native.Check();
            return Native.Read(Native.tc_auth_advice_message((int)advice));
        }

        /// <summary>
        /// The string that is signed, such as "/api/v3/indicators:GET:1513703787". Compare it with what the server
        /// received, or with what another implementation signs.
        /// </summary>
        /// <param name="method">As in <see cref="GetHeaders"/>.</param>
        /// <param name="uri">As in <see cref="GetHeaders"/>.</param>
        /// <param name="time">The second that was signed.</param>
        /// <returns>The string.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidMethod"/>, <see cref="Status.InvalidUriForm"/>,
        /// <see cref="Status.InvalidUriByte"/>, <see cref="Status.InvalidTime"/>.</exception>
        public static string StringToSign(string method, string uri, DateTimeOffset time)
        {
            Native.Check();
            using (var methodText = new Utf8(method, nameof(method), Status.InvalidMethod))
            using (var uriText = new Utf8(uri, nameof(uri), Status.InvalidUriByte))
            {
                TcAuthException.ThrowIfFailed(Native.tc_auth_string_to_sign(
                    methodText.Pointer, uriText.Pointer, time.ToUnixTimeSeconds(), out byte* text));
                return Native.Take(text);
            }
        }

        /// <summary>The kind of its credentials.</summary>
        public Kind Kind => Native.tc_auth_get_kind(Handle);

        /// <summary>
        /// The difference that is added to this machine's clock to get the server's time: whole seconds, up to one day
        /// in either direction, by default zero. <see cref="Review"/> can change it.
        /// </summary>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidArgument"/>: more than one day.</exception>
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
        /// One line for a log: the kind, the access id or the token's expiry, and the API path. It contains no part of
        /// a secret key or a token.
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
        /// <param name="method">Such as "GET"; at most 64 characters. It is signed in upper case, so send it in
        /// upper case.</param>
        /// <param name="uri">A path with query ("/api/v3/indicators?resultLimit=10") or an absolute http or https
        /// URL, exactly as it will be sent. A path is signed as it is: the API path is not put before it.</param>
        /// <param name="time">The time that is signed, or compared with the expiry of the token. Null means now, with
        /// the <see cref="ClockOffset"/>.</param>
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

        /// <summary>
        /// Makes the header lines of a request that is sent now, as they go over the wire: each ends with CR LF, and
        /// there is no empty line. They are credentials: do not log them.
        /// </summary>
        /// <param name="method">As in <see cref="GetHeaders"/>.</param>
        /// <param name="uri">As in <see cref="GetHeaders"/>.</param>
        /// <returns>The lines.</returns>
        /// <exception cref="TcAuthException">As in <see cref="GetHeaders"/>.</exception>
        public string GetHeaderBlock(string method, string uri)
        {
            using (var methodText = new Utf8(method, nameof(method), Status.InvalidMethod))
            using (var uriText = new Utf8(uri, nameof(uri), Status.InvalidUriByte))
            {
                for (int capacity = StackAuthorization; ; capacity *= 2)
                {
                    fixed (byte* block = new byte[capacity]) // pinned until it is wiped, so that no copy stays behind
                    {
                        Status status = Native.tc_auth_header_block(
                            Handle, methodText.Pointer, uriText.Pointer, block, (UIntPtr)(uint)capacity);
                        if (status == Status.BufferTooSmall)
                            continue; // nothing was written
                        TcAuthException.ThrowIfFailed(status);
                        int length = 0;
                        while (block[length] != 0)
                            length++;
                        return Utf8.Take(block, length);
                    }
                }
            }
        }

        /// <summary>Throws what <see cref="GetHeaders"/> throws for a URL, but nothing if the token has
        /// expired.</summary>
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
                // These two statuses mean that the URL is good: it is checked first.
                if (status != Status.BufferTooSmall && status != Status.TokenExpired)
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
            while (status == Status.BufferTooSmall) // a loop: another thread may set a longer token in between
            {
                var larger = new byte[(int)length + 1];
                fixed (byte* pinned = larger) // pinned until it is wiped, so that no copy stays behind
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
        /// Replaces the token immediately for all threads. The same token with another expiry only changes the
        /// expiry.
        /// </summary>
        /// <param name="token">As in <see cref="FromToken"/>.</param>
        /// <param name="expires">As in <see cref="FromToken"/>.</param>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>, <see cref="Status.InvalidToken"/>,
        /// <see cref="Status.InvalidTime"/>: the old token stays in use. <see cref="Status.StoreIo"/>: the new token is used,
        /// but could not be saved after <see cref="ShareIn"/>; later polls try again.</exception>
        public void UpdateToken(string token, DateTimeOffset? expires = null)
        {
            using (var text = new Utf8(token, nameof(token), Status.InvalidToken))
            {
                AuthHandle changed = Handle;
                Status status = Status.Panic;
                Adoption.Begin();
                try
                {
                    status = Native.tc_auth_update_token(changed, text.Pointer, Expiry(expires));
                }
                finally // it may have been closed meanwhile
                {
                    Adoption.End(status);
                    waiters.WakeAll();
                }
                TcAuthException.ThrowIfFailed(status);
            }
        }

        /// <summary>
        /// The current token and its expiry, for example to pass them to another process. Do not log the token.
        /// </summary>
        /// <returns>The token and its expiry.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>.</exception>
        public Token GetToken()
        {
            TcAuthException.ThrowIfFailed(Native.tc_auth_token(Handle, out byte* token, out long expires));
            return new Token(Native.Take(token),
                expires == Native.NoExpiry ? (DateTimeOffset?)null : DateTimeOffset.FromUnixTimeSeconds(expires));
        }

        /// <summary>
        /// Sets the URL of the platform's API, such as "https://company.example/api". It can be set only once; set it
        /// before you share the handle. Afterwards a URL with another scheme, host or port is refused, and a token can
        /// be renewed.
        /// </summary>
        /// <param name="apiPath">An absolute http or https URL without user, query or fragment.</param>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidUriForm"/>,
        /// <see cref="Status.InvalidUriByte"/>, <see cref="Status.AlreadySet"/>.</exception>
        public void SetApiPath(string apiPath)
        {
            using (var text = new Utf8(apiPath, nameof(apiPath), Status.InvalidUriByte))
                TcAuthException.ThrowIfFailed(Native.tc_auth_set_api_path(Handle, text.Pointer));
        }

        /// <summary>The API path as it was set, without a "/" at its end; null if none is set.</summary>
        public string ApiPath
        {
            get
            {
                AuthHandle owner = Handle;
                bool held = false;
                try
                {
                    owner.DangerousAddRef(ref held); // it owns what is read
                    return Native.Read(Native.tc_auth_api_path(owner));
                }
                finally
                {
                    if (held)
                        owner.DangerousRelease();
                }
            }
        }

        /// <summary>
        /// Sets how long before its expiry a token is due for renewal. If less than twice this time was left when the
        /// token was set, it is due after half of what was left.
        /// </summary>
        /// <param name="window">Whole seconds, up to one day; by default one minute.</param>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>,
        /// <see cref="Status.InvalidArgument"/>.</exception>
        public void SetRenewalWindow(TimeSpan window) =>
            TcAuthException.ThrowIfFailed(Native.tc_auth_set_renewal_window(Handle, Seconds(window)));

        /// <summary>What <see cref="SetRenewalWindow"/> has set, or one minute.</summary>
        /// <returns>Whole seconds.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>.</exception>
        public TimeSpan GetRenewalWindow()
        {
            TcAuthException.ThrowIfFailed(Native.tc_auth_renewal_window(Handle, out long seconds));
            return TimeSpan.FromSeconds(seconds);
        }

        /// <summary>The state of the token, for health checks and messages. It changes nothing.</summary>
        /// <returns>The state, and for how long, in whole seconds: until the token is due (<see cref="State.Valid"/>), the
        /// ticket lapses (<see cref="State.UnderWay"/>), the next attempt is allowed (<see cref="State.Paused"/>) or the
        /// token expires (<see cref="State.Refused"/>, <see cref="State.NotRenewable"/>); null if that is
        /// unknown.</returns>
        public (State State, TimeSpan? Left) GetTokenState()
        {
            TcAuthException.ThrowIfFailed(Native.tc_auth_token_state(Handle, out State state, out long seconds));
            return (state, seconds < 0 ? (TimeSpan?)null : TimeSpan.FromSeconds(seconds));
        }

        /// <summary>
        /// The name of the handle's family: all processes that started with the same token. Use it as the key of an entry
        /// in a store, and as the name of its lock. It stays the same when the token changes.
        /// </summary>
        /// <returns>32 hexadecimal digits.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>.</exception>
        public string GetFamily()
        {
            TcAuthException.ThrowIfFailed(Native.tc_auth_family(Handle, out byte* family));
            return Native.Take(family);
        }

        /// <summary>
        /// Encrypts the current token and its expiry into one line, to store it for the other processes of the family.
        /// Equal inputs give equal lines.
        /// </summary>
        /// <param name="key">One to four keys, one per line: the first one seals, each of them unseals. Use 32 random
        /// hexadecimal digits. Without a key, anyone who knows the family's first token, even a dead one, can read the
        /// current token and make lines that others accept.</param>
        /// <returns>The line. Of two lines of a family, the 16 characters after "TC1." are greater in the newer
        /// one.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>; <see cref="Status.InvalidArgument"/>: the
        /// key; <see cref="Status.SealInvalid"/>: a token of more than 65528 bytes.</exception>
        public string Seal(string key = null)
        {
            using (Utf8 keyText = Utf8.Optional(key, Status.InvalidArgument))
            {
                TcAuthException.ThrowIfFailed(Native.tc_auth_seal(Handle, keyText.Pointer, out byte* line));
                return Native.Take(line);
            }
        }

        /// <summary>
        /// Reads a line of <see cref="Seal"/> from this or another process, and uses its token if it is newer. Then callers
        /// that wait continue. A handle never goes back to an older token.
        /// </summary>
        /// <param name="line">The line, without a line break.</param>
        /// <param name="key">As in <see cref="Seal"/>.</param>
        /// <returns>What the line was.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>; <see cref="Status.InvalidArgument"/>: the
        /// key; <see cref="Status.SealInvalid"/>: a wrong key, another family, or any change of the line;
        /// <see cref="Status.SealVersion"/>. Then nothing changes.</exception>
        public Unsealed Unseal(string line, string key = null)
        {
            using (var text = new Utf8(line, nameof(line), Status.SealInvalid))
            using (Utf8 keyText = Utf8.Optional(key, Status.InvalidArgument))
            {
                TcAuthException.ThrowIfFailed(Native.tc_auth_unseal(
                    Handle, text.Pointer, (UIntPtr)(uint)text.Length, keyText.Pointer, out Unsealed outcome));
                waiters.WakeAll();
                return outcome;
            }
        }

        /// <summary>
        /// Shares the token with all processes of the family that use the same directory: they renew it once, and each of
        /// them gets the new one. Call it once, before other threads use the handle. It reads the family's token file in the
        /// directory and uses its token if it is newer. If there is no file, it creates one. From then on
        /// <see cref="UpdateToken"/> and <see cref="Renewal.Complete"/> save the token, and wait for the disk.
        /// </summary>
        /// <param name="directory">A directory of the same user on a local file system, in which other users can't rename
        /// files. It must exist.</param>
        /// <param name="key">As in <see cref="Seal"/>: the same in all processes.</param>
        /// <exception cref="TcAuthException"><see cref="Status.WrongKind"/>; <see cref="Status.InvalidArgument"/>: the
        /// key; <see cref="Status.AlreadySet"/>; <see cref="Status.SealInvalid"/>: the file can't be unsealed, for example
        /// because the key is wrong; <see cref="Status.SealVersion"/>; <see cref="Status.StoreIo"/>: the directory or a file
        /// in it can't be used. The handle then stays as it was, and you may call this again.</exception>
        public void ShareIn(string directory, string key = null)
        {
            using (var text = new Utf8(directory, nameof(directory), Status.InvalidArgument))
            using (Utf8 keyText = Utf8.Optional(key, Status.InvalidArgument))
            {
                lock (sharing)
                {
                    TcAuthException.ThrowIfFailed(Native.tc_auth_share_in(Handle, text.Pointer, keyText.Pointer));
                    sharedDirectory = directory;
                }
            }
            waiters.WakeAll();
        }

        /// <summary><see cref="ShareIn"/>, unless it was called with the same directory before.</summary>
        internal void ShareOnceIn(string directory, string key)
        {
            lock (sharing)
            {
                if (directory == null || sharedDirectory != directory)
                    ShareIn(directory, key);
            }
        }

        /// <summary>
        /// Must be called before each request is signed. Says whether to sign now, or to renew the token first.
        /// </summary>
        /// <param name="maxWait">How long to wait for another caller's renewal, in whole milliseconds. It should be
        /// longer than a renewal may take with your HTTP client. The wait blocks this thread; zero does not
        /// wait.</param>
        /// <returns>Null: sign now. A ticket: renew the token, then sign, even if the renewal failed.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.RenewalTimeout"/>: another caller's renewal is still
        /// under way; do not send the old token, but poll again or give up. <see cref="Status.InvalidArgument"/>: a
        /// negative wait.</exception>
        public Renewal Poll(TimeSpan maxWait)
        {
            TcAuthException.ThrowIfFailed(TryPoll(maxWait, out Renewal renewal));
            return renewal;
        }

        /// <summary><see cref="Poll"/> without a thread that is blocked.</summary>
        /// <param name="maxWait">As in <see cref="Poll"/>.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>As in <see cref="Poll"/>.</returns>
        /// <exception cref="TcAuthException">As in <see cref="Poll"/>.</exception>
        /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
        public Task<Renewal> PollAsync(TimeSpan maxWait, CancellationToken cancellationToken = default(CancellationToken))
        {
            if (maxWait < TimeSpan.Zero)
                throw new TcAuthException(Status.InvalidArgument);
            return waiters.PollAsync(this, maxWait, cancellationToken);
        }

        internal Status TryPoll(TimeSpan maxWait, out Renewal renewal)
        {
            Status status = Native.tc_auth_renewal_poll(
                Handle, (long)Math.Floor(maxWait.TotalMilliseconds), out RenewalHandle ticket);
            renewal = ticket.IsInvalid ? null : new Renewal(ticket, waiters, Adoption);
            if (renewal == null)
                ticket.Dispose(); // each request polls, so this object is not left to the finalizer
            return status;
        }

        /// <summary>
        /// Must be called with the response to a signed request. Says whether to send the request once more. If the
        /// server rejected the token, the next poll renews it. If the server's date shows that the clock is wrong, the
        /// <see cref="ClockOffset"/> is changed. It does not remember requests, so count the attempts yourself.
        /// </summary>
        /// <param name="sent">The headers that were sent.</param>
        /// <param name="httpStatus">The status of the response; all but 400, 401 and 403 are
        /// <see cref="Advice.Accepted"/>.</param>
        /// <param name="date">The Date header; null if there is none, if the response has an Age header, or if it did
        /// not come from the signed origin over TLS.</param>
        /// <param name="body">The body of the response; only its first 64 KiB are read.</param>
        /// <returns>What to do.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.MalformedAuthorization"/>: the headers were not
        /// made for this kind of handle. <see cref="Status.InvalidTime"/>: their timestamp is needed and is missing or
        /// invalid.</exception>
        public Advice Review(Headers sent, int httpStatus, string date, byte[] body)
        {
            if (sent == null)
                throw new ArgumentNullException(nameof(sent));
            if (body == null)
                throw new ArgumentNullException(nameof(body));
            return ReviewStart(sent, httpStatus, date, body, body.Length);
        }

        /// <summary><see cref="Review"/> with the first bytes of a buffer.</summary>
        internal Advice ReviewStart(Headers sent, int httpStatus, string date, byte[] body, int length)
        {
            byte[] authorization = Encoding.UTF8.GetBytes(sent.GetAuthorization());
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

        /// <summary>Checks the headers of a received request, for gateways, mocks and tests.</summary>
        /// <param name="method">The request's method.</param>
        /// <param name="uri">The request's target, exactly as received. One with a fragment is refused.</param>
        /// <param name="authorization">The value of the Authorization header; null if there is none.</param>
        /// <param name="timestamp">The value of the Timestamp header; null if there is none.</param>
        /// <param name="tolerance">The largest difference between the timestamp and the time: whole seconds, up to one
        /// day. ThreatConnect allows five minutes.</param>
        /// <param name="time">The server's time; null means now.</param>
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
        /// Wipes and frees the handle as soon as no call is running. Complete or cancel your tickets first: the new
        /// token of a renewal that is completed later is lost.
        /// </summary>
        public void Dispose()
        {
            handle.Dispose();
            waiters.WakeAll();
        }

        /// <summary>Unix seconds. C takes -1 as "now" and refuses all other negative times, so -1 is replaced by one of
        /// those.</summary>
        private static long UnixTime(DateTimeOffset? time)
        {
            if (time == null)
                return Native.Now;
            long seconds = time.Value.ToUnixTimeSeconds();
            return seconds == Native.Now ? long.MinValue : seconds;
        }

        private static long Expiry(DateTimeOffset? expires) => expires?.ToUnixTimeSeconds() ?? Native.NoExpiry;

        private static long Seconds(TimeSpan span) => (long)Math.Floor(span.TotalSeconds);

        /// <summary>The date as a C string; none if it contains characters that a C string can't have.</summary>
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
