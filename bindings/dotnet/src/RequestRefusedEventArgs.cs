using System;
using System.Net;
using System.Net.Http;

namespace TcAuth
{
    /// <summary>A request that the server has refused for good.</summary>
    public sealed class RequestRefusedEventArgs : EventArgs
    {
        internal RequestRefusedEventArgs(HttpRequestMessage request, Advice advice, HttpStatusCode httpStatusCode)
        {
            Request = request;
            Advice = advice;
            HttpStatusCode = httpStatusCode;
        }

        /// <summary>What was sent. Its Authorization header is a credential: do not log it.</summary>
        public HttpRequestMessage Request { get; }

        /// <summary>Why sending again is of no use, or was not possible
        /// (<see cref="TcAuth.Advice.Retry"/>).</summary>
        public Advice Advice { get; }

        /// <summary>The status of the response.</summary>
        public HttpStatusCode HttpStatusCode { get; }
    }
}
