using System;

namespace TcAuth
{
    /// <summary>
    /// Builds a URL in which everything is encoded that HTTP clients are known to change on the way. Sign and send
    /// the same string. Add all segments before the first query parameter.
    /// </summary>
    public sealed unsafe class UrlBuilder : IDisposable
    {
        private readonly UrlHandle handle;
        private readonly object gate = new object();

        /// <summary>Starts with a base, which is taken as it is, so it must be percent-encoded already.</summary>
        /// <param name="start">A path such as "/api/v3/indicators", or an absolute http or https URL.</param>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidUriForm"/> (also for a fragment),
        /// <see cref="Status.InvalidUriByte"/>.</exception>
        public UrlBuilder(string start)
        {
            using (var text = new Utf8(start, nameof(start), Status.InvalidUriByte))
                TcAuthException.ThrowIfFailed(Native.tc_auth_url_new(text.Pointer, out handle));
        }

        /// <summary>Starts by joining a path to a handle's API path: with "https://company.example/api", the path
        /// "/v3/indicators" becomes "https://company.example/api/v3/indicators".</summary>
        /// <param name="auth">A handle with an API path. The URL does not depend on it afterwards.</param>
        /// <param name="path">Begins with exactly one "/", is percent-encoded already, and does not repeat the
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

        /// <summary>Adds one segment to the path; "a/b?c" becomes one segment, too.</summary>
        /// <param name="segment">Not empty, "." or "..", which HTTP clients remove.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidArgument"/>, or
        /// <see cref="Status.InvalidUriForm"/> after a query. The URL is then as it was.</exception>
        public UrlBuilder AddSegment(string segment)
        {
            using (var text = new Utf8(segment, nameof(segment), Status.InvalidArgument))
            {
                lock (gate)
                    TcAuthException.ThrowIfFailed(Native.tc_auth_url_add_segment(handle, text.Pointer));
            }
            return this;
        }

        /// <summary>Adds one parameter to the query.</summary>
        /// <param name="name">Not empty.</param>
        /// <param name="value">May be empty.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.InvalidArgument"/>. The URL is then as it
        /// was.</exception>
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

        /// <summary>The URL as it is now.</summary>
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

        /// <summary>Frees the builder. The strings that it gave live on.</summary>
        public void Dispose()
        {
            lock (gate)
                handle.Dispose();
        }
    }
}
