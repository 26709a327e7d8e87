using System;

namespace TcAuth
{
    /// <summary>
    /// Builds a URL whose added parts are encoded so that HTTP clients send them unchanged. Sign and send the same
    /// string. Add all segments before the first query parameter.
    /// </summary>
    public sealed unsafe class UrlBuilder : IDisposable
    {
        private readonly UrlHandle handle;
        private readonly object gate = new object();

        /// <summary>Starts with a base, which must already be percent-encoded.</summary>
        /// <param name="start">A path such as "/api/v3/indicators", or an absolute http or https URL.</param>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidUriForm"/> (also for a fragment),
        /// <see cref="Status.InvalidUriByte"/>.</exception>
        public UrlBuilder(string start)
        {
            Native.Check();
            using (var text = new Utf8(start, nameof(start), Status.InvalidUriByte))
                TcAuthException.ThrowIfFailed(Native.tc_auth_url_new(text.Pointer, out handle));
        }

        /// <summary>Starts with a handle's API path followed by a path: with "https://company.example/api", the path
        /// "/v3/indicators" becomes "https://company.example/api/v3/indicators".</summary>
        /// <param name="auth">A handle with an API path. It may be disposed afterwards.</param>
        /// <param name="path">Begins with exactly one "/", is already percent-encoded, and does not repeat the
        /// "/api".</param>
        /// <exception cref="TcAuthException"><see cref="Status.ApiPathMissing"/>,
        /// <see cref="Status.InvalidUriForm"/>, <see cref="Status.InvalidUriByte"/>.</exception>
        public UrlBuilder(Auth auth, string path)
        {
            if (auth == null)
                throw new ArgumentNullException(nameof(auth));
            using (var text = new Utf8(path, nameof(path), Status.InvalidUriByte))
                TcAuthException.ThrowIfFailed(Native.tc_auth_url_new_for(auth.Handle, text.Pointer, out handle));
        }

        /// <summary>Percent-encodes a segment and adds it to the path; also "a/b?c" becomes one segment.</summary>
        /// <param name="segment">Not empty, and neither "." nor "..", which HTTP clients remove.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidArgument"/>, or
        /// <see cref="Status.InvalidUriForm"/> after a query. The URL is not changed then.</exception>
        public UrlBuilder AddSegment(string segment)
        {
            using (var text = new Utf8(segment, nameof(segment), Status.InvalidArgument))
            {
                lock (gate)
                    TcAuthException.ThrowIfFailed(Native.tc_auth_url_add_segment(handle, text.Pointer));
            }
            return this;
        }

        /// <summary>Percent-encodes a name and a value and adds them to the query.</summary>
        /// <param name="name">Not empty.</param>
        /// <param name="value">May be empty.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidArgument"/>. The URL is not changed
        /// then.</exception>
        public UrlBuilder AddQuery(string name, string value)
        {
            using (var nameText = new Utf8(name, nameof(name), Status.InvalidArgument))
            using (var valueText = new Utf8(value, nameof(value), Status.InvalidArgument))
            {
                lock (gate)
                    TcAuthException.ThrowIfFailed(
                        Native.tc_auth_url_add_query(handle, nameText.Pointer, valueText.Pointer));
            }
            return this;
        }

        /// <summary>The URL built so far.</summary>
        /// <exception cref="ObjectDisposedException">The builder was disposed.</exception>
        public override string ToString()
        {
            lock (gate)
            {
                string url = Native.Read(Native.tc_auth_url_string(handle));
                GC.KeepAlive(handle); // it owns what is read
                return url;
            }
        }

        /// <summary>Frees the builder. Strings that it returned remain valid.</summary>
        public void Dispose()
        {
            lock (gate)
                handle.Dispose();
        }
    }
}
